"""Labels as people have them: integers, whole floats, lists; and continuous ones, which are no labels."""

from pathlib import Path

import numpy as np
import pytest
import torch

import pyvae
from pyvae.aggregate.tables import whole_numbers
from pyvae.metrics import mig
from tests.aggregate.posteriors import N, encoded

VALUES = np.random.default_rng(0).integers(-2, 3, (N, 2))


@pytest.mark.parametrize(
    "labels",
    [
        VALUES.astype(np.float32),
        VALUES.astype(np.float16),
        VALUES.astype(">f8"),
        torch.from_numpy(VALUES).float(),
        torch.from_numpy(VALUES).bfloat16(),
        torch.from_numpy(VALUES).half(),
        VALUES.tolist(),
        VALUES.astype(float).tolist(),
        [tuple(row) for row in VALUES],
        tuple(VALUES),
    ],
    ids=lambda labels: f"{type(labels).__name__} {getattr(labels, 'dtype', '')}",
)
def test_whole_numbers_of_any_kind_are_labels(labels: object) -> None:
    posterior = pyvae.aggregate_posterior(*encoded())
    want = posterior.conditional_entropies(VALUES, 20, seed=0)
    assert torch.equal(posterior.conditional_entropies(labels, 20, seed=0).value, want.value)  # type: ignore[arg-type]
    gap = mig(posterior, VALUES, samples=20, seed=0)
    assert mig(posterior, labels, samples=20, seed=0) == gap  # type: ignore[arg-type]


def test_a_file_of_floats(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", VALUES.astype(float))
    assert np.array_equal(whole_numbers(tmp_path / "labels.npy"), VALUES)


def test_large_whole_numbers_stay_apart() -> None:
    labels = whole_numbers([2.0**53, 2.0**53 - 1, -(2.0**62), 0.0, -0.0])
    assert labels.dtype == np.int64 and labels.tolist() == [2**53, 2**53 - 1, -(2**62), 0, 0]


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        (np.array([0.0, 1.0, 0.25]), "0.25"),
        (torch.tensor([[0.0, 1.5]]), "1.5"),
        ([1, 2.75], "2.75"),
        (np.array([0.0, np.nan]), "nan"),
        (torch.tensor([np.inf]), "inf"),
        (np.array([1e30]), r"1e\+30"),
        (np.array(["a", "b"]), "<U1"),
        (np.array([1 + 2j]), "complex128"),
        ([[1, 2], [3]], "a list that is no array"),
    ],
)
def test_other_labels_are_refused(labels: object, got: str) -> None:
    with pytest.raises(TypeError, match=f"^labels must be whole numbers, got {got}"):
        whole_numbers(labels)  # type: ignore[arg-type]


def test_the_refusal_of_a_continuous_factor_says_how_to_bin_it() -> None:
    factor = np.random.default_rng(1).normal(size=N)
    posterior = pyvae.aggregate_posterior(*encoded())
    with pytest.raises(TypeError) as refused:
        posterior.conditional_entropies(factor)
    code = str(refused.value).partition("can be binned, by ")[2].partition(" into five")[0]
    binned = eval(code, {"np": np, "factor": factor})
    counts = np.bincount(binned)
    assert len(counts) == 5 and counts.max() - counts.min() <= 1
    assert mig(posterior, binned, samples=50, seed=0).ceiling == 1
