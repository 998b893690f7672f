"""Posteriors that lie in files: read piece by piece as the whole array is, and refused once the files have changed."""

import copy
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import pyvae
from pyvae.aggregate import npy
from pyvae.aggregate.npy import NpyRows
from tests.aggregate.posteriors import D, N, encoded


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "mu.npy", tmp_path / "logvar.npy"
    for path, rows in zip(paths, encoded(), strict=True):
        np.save(path, rows.numpy())
    return paths


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [">f4", "<f4", "f2", "f8"])
@pytest.mark.parametrize("run_bytes", [1, 4096, 2**20])
def test_rows_of_a_file_are_those_of_its_array(
    run_bytes: int, dtype: str, order: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npy, "_RUN_BYTES", run_bytes)
    rng = np.random.default_rng(0)
    array = np.asarray(rng.normal(size=(3000, D)), dtype, order=order)
    np.save(tmp_path / "rows.npy", array)
    rows = NpyRows("mu", str(tmp_path / "rows.npy"))
    assert (rows.shape, rows.dtype, rows.ndim) == (array.shape, array.dtype, 2)
    asked = [[], [0], [2999], np.arange(3000), rng.integers(0, 3000, 500), np.arange(0, 3000, 700), [5, 5, 4]]
    for some in (np.asarray(a, np.int64) for a in asked):
        np.testing.assert_array_equal(rows.take(some), array[some])


def rewritten(path: Path) -> None:
    np.save(path, np.load(path) + 1)


def shortened(path: Path) -> None:
    np.save(path, np.load(path)[:10])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def lengthened(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


QUESTIONS: list[Callable[[pyvae.AggregatePosterior], object]] = [
    lambda posterior: posterior.kl_decomposition(10, seed=0),
    lambda posterior: posterior.sample(5, seed=0),
    lambda posterior: posterior.joint_log_density(torch.zeros(3, D)),
    lambda posterior: posterior.conditional_entropies(torch.arange(N) % 2, 10, seed=0),
]


@pytest.mark.parametrize("mapped", [False, True], ids=["path", "memory map"])
@pytest.mark.parametrize("change", [rewritten, shortened, emptied, lengthened])
@pytest.mark.parametrize("which", [0, 1], ids=["mu", "logvar"])
def test_a_file_that_has_changed_is_refused(
    which: int, change: Callable[[Path], None], mapped: bool, files: tuple[Path, Path]
) -> None:
    source = [np.load(path, mmap_mode="r") for path in files] if mapped else files
    posterior = pyvae.aggregate_posterior(*source, chunk=300)
    change(files[which])
    for ask in QUESTIONS:
        name = ("mu", "logvar")[which]
        with pytest.raises(ValueError, match=f"{name} must not change while it is read, and '.*{name}.npy' has since"):
            ask(posterior)


def test_a_file_that_gets_shorter_between_the_question_and_the_read(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would kill the process that had it mapped."""
    posterior = pyvae.aggregate_posterior(*files, chunk=300)
    read = os.preadv
    monkeypatch.setattr(os, "preadv", lambda *how: (emptied(files[0]), read(*how))[1])
    with pytest.raises(ValueError, match="mu must not change while it is read"):
        posterior.joint_log_density(torch.zeros(3, D))


@pytest.mark.parametrize("mapped", [False, True], ids=["path", "memory map"])
def test_a_file_that_is_gone_or_replaced_is_still_what_was_opened(files: tuple[Path, Path], mapped: bool) -> None:
    source = [np.load(path, mmap_mode="r") for path in files] if mapped else files
    posterior = pyvae.aggregate_posterior(*source)
    before = posterior.kl_decomposition(20, seed=0)
    np.save(files[0].with_name("other.npy"), np.zeros((N, D), np.float32))
    files[0].with_name("other.npy").replace(files[0])
    files[1].unlink()
    after = posterior.kl_decomposition(20, seed=0)
    assert all(torch.equal(a.value, b.value) for a, b in zip(after, before, strict=True))


def test_a_memory_map_may_be_written_by_its_owner(files: tuple[Path, Path]) -> None:
    mu = np.load(files[0], mmap_mode="r+")
    posterior = pyvae.aggregate_posterior(mu, files[1])
    mu[:] = 0
    mu.flush()
    of_zeros = pyvae.aggregate_posterior(torch.zeros(N, D), files[1])
    z = torch.randn(4, D)
    assert torch.equal(posterior.joint_log_density(z), of_zeros.joint_log_density(z))
    emptied(files[0])
    with pytest.raises(ValueError, match="mu must not change while it is read"):
        posterior.joint_log_density(z)


def test_copies_and_pickles_hold_the_rows(files: tuple[Path, Path]) -> None:
    posterior = pyvae.aggregate_posterior(*files)
    want = posterior.kl_decomposition(20, seed=0).dimwise_kl.value
    for other in (copy.deepcopy(posterior), pickle.loads(pickle.dumps(posterior))):
        assert torch.equal(other.kl_decomposition(20, seed=0).dimwise_kl.value, want)


def test_files_are_closed_with_the_posterior(files: tuple[Path, Path]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    posterior = pyvae.aggregate_posterior(*files)
    assert len(os.listdir("/proc/self/fd")) == before + 2
    del posterior
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_archive_is_refused_with_the_way_to_its_member(tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    mu, logvar = encoded()
    np.savez(path, mu=mu.numpy(), logvar=logvar.numpy(), labels=np.arange(N))
    for bad, name in (((path, logvar), "mu"), ((mu, str(path)), "logvar")):
        words = rf"^{name} must be .* got the \.npz archive '.*codes.npz' of mu, logvar, labels: pass np\.load"
        with pytest.raises(TypeError, match=rf"{words}\('.*codes.npz'\)\['{name}'\]"):
            pyvae.aggregate_posterior(*bad)
    with pytest.raises(TypeError, match=r"labels must be .* pass np\.load\('.*codes.npz'\)\['labels'\]"):
        pyvae.aggregate_posterior(mu, logvar).conditional_entropies(path)
    members = np.load(path)
    assert len(pyvae.aggregate_posterior(members["mu"], members["logvar"])) == N
