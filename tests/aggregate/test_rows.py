"""Posteriors and labels from tensors, arrays, memory maps and files, read chunk by chunk."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import pyvae
from pyvae.aggregate.tables import Table, chunks_of, interleaved
from tests.aggregate.posteriors import D, N, encoded


def _memory_map(x: Tensor, folder: Path, name: str) -> object:
    np.save(folder / f"{name}.npy", x.numpy())
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def _path(x: Tensor, folder: Path, name: str) -> object:
    np.save(folder / f"{name}.npy", x.numpy())
    return folder / f"{name}.npy"


def _text_path(x: Tensor, folder: Path, name: str) -> object:
    return str(_path(x, folder, name))


def _other_byte_order(x: Tensor, folder: Path, name: str) -> object:
    return np.asfortranarray(x.numpy().astype(">f4"))


def _strided(x: Tensor, folder: Path, name: str) -> object:
    return x.t().contiguous().t()


SOURCES = [_memory_map, _path, _text_path, _other_byte_order, _strided, lambda x, folder, name: x.numpy()]


@pytest.mark.parametrize("made", SOURCES)
@pytest.mark.parametrize("chunk", [200, 2**17])
def test_tensors_arrays_memory_maps_and_files_are_one(
    made: Callable[[Tensor, Path, str], object], chunk: int, tmp_path: Path
) -> None:
    mu, logvar = encoded()
    labels = torch.randint(0, 3, (N,)).float().long()
    of_tensors = pyvae.aggregate_posterior(mu, logvar, chunk=chunk)
    other = pyvae.aggregate_posterior(made(mu, tmp_path, "mu"), made(logvar, tmp_path, "logvar"), chunk=chunk)  # type: ignore[arg-type]
    assert len(other) == N and other.latents == D
    expected = of_tensors.kl_decomposition(50, seed=3)
    for mine, theirs in zip(other.kl_decomposition(50, seed=3), expected, strict=True):
        assert torch.equal(mine.value, theirs.value)
    expected = of_tensors.conditional_entropies(labels, 20, seed=3)
    assert torch.equal(other.conditional_entropies(labels.numpy(), 20, seed=3).value, expected.value)


def test_labels_from_a_file(tmp_path: Path) -> None:
    posterior = pyvae.aggregate_posterior(*encoded())
    labels = np.random.default_rng(0).integers(0, 4, (N, 2))
    np.save(tmp_path / "labels.npy", labels)
    expected = posterior.conditional_entropies(labels, 20, seed=0)
    assert torch.equal(posterior.conditional_entropies(tmp_path / "labels.npy", 20, seed=0).value, expected.value)


@pytest.mark.parametrize(("count", "chunk"), [(1, 1), (5, 1), (7, 7), (1000, 7), (1000, 999), (5000, 128), (4097, 333)])
def test_chunks_hold_every_row_once(count: int, chunk: int) -> None:
    chunks = list(interleaved(count, chunk))
    assert len(chunks) == chunks_of(count, chunk)
    assert max(len(rows) for rows in chunks) <= chunk
    assert torch.equal(torch.cat(chunks).sort().values, torch.arange(count))


def test_every_chunk_reaches_over_the_data_set() -> None:
    for rows in interleaved(737_280, 2**17):
        share = torch.histc(rows.float(), 10, 0, 737_280) / len(rows)
        assert share.min() > 0.02


def test_no_question_holds_more_rows_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    take = Table.take
    monkeypatch.setattr(Table, "take", lambda table, rows: (taken.append(len(rows)), take(table, rows))[1])
    posterior = pyvae.aggregate_posterior(*encoded(), chunk=100)
    posterior.kl_decomposition(30, seed=0)
    posterior.conditional_entropies(torch.arange(N) % 2, 30, seed=0)
    assert max(taken) <= 100
