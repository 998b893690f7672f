"""What the aggregate posterior refuses, and what it shows."""

import doctest
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import pyvae
import pyvae.aggregate.posterior as aggregate_module
from pyvae.aggregate import AggregatePosterior
from tests.aggregate.posteriors import encoded


def test_wrong_posteriors_are_named() -> None:
    x = torch.zeros(4, 2)
    bad = x.clone()
    bad[3, 1] = math.nan
    wrong: list[tuple[tuple[object, object], dict[str, object], type[Exception], str]] = [
        (([[0.0]], x), {}, TypeError, "mu must be a tensor"),
        ((x, 3), {}, TypeError, "logvar must be a tensor"),
        ((x.long(), x), {}, TypeError, "mu must be float32"),
        ((x, np.zeros((4, 2), "int16")), {}, TypeError, "logvar must be float32"),
        ((x, x.double()), {}, TypeError, "logvar must have the dtype of mu, float32, got float64"),
        ((x[0], x[0]), {}, ValueError, r"mu must have the shape \[N, D\]"),
        ((x, x[None]), {}, ValueError, r"logvar must have the shape \[N, D\]"),
        ((x, x[:3]), {}, ValueError, "logvar must have the shape of mu"),
        ((x, x.to("meta")), {}, ValueError, "logvar must be on the device of mu"),
        ((x[:0], x[:0]), {}, ValueError, "mu must hold at least one posterior"),
        ((x[:, :0], x[:, :0]), {}, ValueError, "mu must hold at least one posterior of at least one latent"),
        ((bad, x), {}, ValueError, "mu must be finite, got a NaN or an infinity in row 3"),
        ((x, bad - math.inf), {}, ValueError, "logvar must be finite, got a NaN or an infinity in row 0"),
        ((x, x - 171), {}, ValueError, "logvar must be from -170 to 170 for densities in float32, got -171"),
        ((x.double(), x.double() + 2000), {}, ValueError, "logvar must be from -1400 to 1400 .* float64, got 2000"),
        ((x, x), {"rtol": 0.0}, ValueError, "rtol must be greater than 0"),
        ((x, x), {"chunk": 0}, ValueError, "chunk must be at least 1"),
        ((x, x), {"chunk": 2.5}, TypeError, "chunk must be an int"),
    ]
    for arguments, options, error, message in wrong:
        with pytest.raises(error, match=message):
            pyvae.aggregate_posterior(*arguments, **options)  # type: ignore[arg-type]


def test_a_nan_in_a_later_chunk_is_found() -> None:
    mu, logvar = encoded(1000)
    logvar[777, 0] = math.inf
    with pytest.raises(ValueError, match="logvar must be finite, got a NaN or an infinity in row 777"):
        pyvae.aggregate_posterior(mu, logvar, chunk=100)


def test_a_path_that_holds_no_array(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pyvae.aggregate_posterior(tmp_path / "absent.npy", torch.zeros(1, 1))
    (tmp_path / "text.npy").write_text("0.1, 0.2")
    (tmp_path / "empty.npy").touch()
    for name in ("text.npy", "empty.npy"):
        with pytest.raises(ValueError, match=r"logvar must be the path of a \.npy file of numbers"):
            pyvae.aggregate_posterior(torch.zeros(1, 1), tmp_path / name)
    np.savez(tmp_path / "many.npz", a=np.zeros((2, 2)))
    with pytest.raises(TypeError, match="mu must be a tensor"):
        pyvae.aggregate_posterior(tmp_path / "many.npz", torch.zeros(2, 2))


@pytest.fixture
def small() -> AggregatePosterior:
    return pyvae.aggregate_posterior(torch.zeros(4, 2), torch.zeros(4, 2))


def test_wrong_queries_are_named(small: AggregatePosterior) -> None:
    wrong: list[tuple[object, type[Exception], str]] = [
        (np.zeros((1, 2)), TypeError, "z must be a tensor"),
        (torch.zeros(1, 2, dtype=torch.float64), TypeError, "z must have the dtype of mu, float32, got float64"),
        (torch.zeros(1, 3), ValueError, r"z must have the shape \[\.\.\., 2\]"),
        (torch.zeros(()), ValueError, r"z must have the shape \[\.\.\., 2\]"),
        (torch.zeros(1, 2, device="meta"), ValueError, "z must be on the device of mu"),
    ]
    for z, error, message in wrong:
        for ask in (small.marginal_log_density, small.joint_log_density):
            with pytest.raises(error, match=message):
                ask(z)  # type: ignore[arg-type]


def test_wrong_labels_and_counts_are_named(small: AggregatePosterior) -> None:
    wrong: list[tuple[object, type[Exception], str]] = [
        (torch.full((4,), 0.5), TypeError, "labels must be whole numbers, got 0.5: a continuous factor can be binned"),
        ({0, 1}, TypeError, "labels must be a tensor"),
        (torch.zeros(3, dtype=torch.long), ValueError, "labels must have a row for each of the 4 posteriors, got 3"),
        (torch.zeros(4, 1, 1, dtype=torch.long), ValueError, r"labels must have the shape \[N\] or \[N, K\]"),
        (torch.zeros(4, 0, dtype=torch.long), ValueError, r"labels must have the shape \[N\] or \[N, K\]"),
    ]
    for labels, error, message in wrong:
        with pytest.raises(error, match=message):
            small.conditional_entropies(labels)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="samples must be at least 2, got 1"):
        small.mutual_information(1)
    with pytest.raises(TypeError, match="samples must be an int, got float"):
        small.marginal_entropies(1e4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="count must be at least 0"):
        small.sample(-1)
    with pytest.raises(TypeError, match="seed must be an int, got float"):
        small.mutual_information(10, seed=0.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"generator must be a .*Generator or None, got list"):
        small.sample(1, generator=[torch.Generator()])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed and generator"):
        small.sample(1, seed=0, generator=torch.Generator())


def test_progress_is_shown_only_to_those_who_ask(capfd: pytest.CaptureFixture[str]) -> None:
    mu, logvar = encoded(300)
    quiet = pyvae.aggregate_posterior(mu, logvar, chunk=50).marginal_entropies(10, seed=0)
    assert capfd.readouterr() == ("", "")
    shown = pyvae.aggregate_posterior(mu, logvar, chunk=50, progress=True).marginal_entropies(10, seed=0)
    assert "marginal entropies" in capfd.readouterr().err
    assert torch.equal(quiet.value, shown.value)


def test_the_docstring_example() -> None:
    globs = {**vars(aggregate_module), "torch": torch}
    (test,) = doctest.DocTestFinder(recurse=False).find(pyvae.aggregate_posterior, "aggregate_posterior", globs=globs)
    runner = doctest.DocTestRunner()
    runner.run(test)
    assert runner.failures == 0 and test.examples
