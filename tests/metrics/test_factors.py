"""Factors come in any numbers and become classes by one rule."""

import math

import numpy as np
import pytest
import torch

from pyvae.metrics import Factors
from pyvae.metrics.factors import BINS, factors_of


def test_whole_floats_are_labels() -> None:
    floats, integers = Factors([[0.0, 5.0], [2.0, 5.0], [1.0, 7.0]]), Factors([[0, 5], [2, 5], [1, 7]])
    assert floats.continuous == integers.continuous == (False, False)
    assert floats.labels.tolist() == integers.labels.tolist() == [[0, 0], [2, 0], [1, 1]]
    assert floats.sizes == (3, 2)


def test_tensors_arrays_files_and_lists_are_the_same(tmp_path) -> None:
    np.save(tmp_path / "factors.npy", np.arange(6).reshape(3, 2))
    for given in (torch.arange(6).reshape(3, 2), np.arange(6).reshape(3, 2), [[0, 1], [2, 3], [4, 5]]):
        assert Factors(given).values.tolist() == Factors(tmp_path / "factors.npy").values.tolist()
    assert Factors(torch.tensor([True, False, True])).labels.tolist() == [[1], [0], [1]]


def test_a_continuous_factor_has_bins_of_equal_size() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    factors = Factors(values)
    assert factors.continuous == (True,) and factors.sizes == (BINS,)
    assert set(np.bincount(factors.labels[:, 0])) == {10_000 // BINS}
    values[0] = 1e30  # a far value moves no edge but its own place
    assert (Factors(values).labels[1:] != factors.labels[1:]).sum() <= BINS


def test_an_atom_has_a_bin_of_its_own() -> None:
    values = np.concatenate([np.zeros(500), np.random.default_rng(0).gamma(2.0, size=500)])
    labels = Factors(values).labels[:, 0]
    assert set(labels[:500]) == {0} and 0 not in labels[500:]
    assert Factors(values - 1.5).labels.max() >= BINS - 1


def test_bins_follow_the_order_of_values() -> None:
    values = np.sort(np.concatenate([np.full(300, 0.5), np.random.default_rng(1).normal(size=700)]))
    assert (np.diff(Factors(values).labels[:, 0]) >= 0).all()


def test_entropies_are_those_of_the_classes() -> None:
    factors = Factors([[0, 3], [1, 3], [2, 3], [3, 3]])
    assert np.allclose(factors.entropies, [np.log(4), 0])


def test_kinds_may_be_a_tensor_and_names_no_text() -> None:
    values = np.arange(12).reshape(6, 2) % 3
    assert Factors(values, nominal=torch.tensor([1])).nominal == {1}
    for names in ("ab", 5):
        with pytest.raises(TypeError, match=r"^names must be a list of names of factors, got "):
            Factors(values, names)


def test_names_and_kinds() -> None:
    factors = Factors([[0, 1], [1, 0]], names=("shape", "x"), nominal=["shape"])
    assert factors.nominal == {0} and factors.take(np.array([1])).values.tolist() == [[1, 0]]
    assert factors.take(np.array([0, 1])).names == ("shape", "x")
    with pytest.raises(ValueError, match="names must hold 2 different names"):
        Factors([[0, 1]], names=("a",))
    with pytest.raises(ValueError, match="nominal must hold numbers or names of factors among shape, x, got 'y'"):
        Factors([[0, 1]], names=("shape", "x"), nominal=["y"])
    for wrong in (0.5, 1.0, True, None, math.nan):
        with pytest.raises(TypeError, match=r"^nominal must hold numbers or names of factors among shape, x, got "):
            Factors([[0, 1]], names=("shape", "x"), nominal=[wrong])  # type: ignore[list-item]
    for one in ("shape", 0, None):
        with pytest.raises(TypeError, match=r"^nominal must be a list of numbers or names of factors, got "):
            Factors([[0, 1]], names=("shape", "x"), nominal=one)  # type: ignore[arg-type]


def test_a_factor_varies_that_has_one_other_value_anywhere() -> None:
    values = np.zeros((5000, 2), dtype=np.int64)
    values[[1, 4321], [0, 1]] = 1
    Factors(values).check_varied()
    with pytest.raises(ValueError, match="factors must hold at least two values of each factor, got one of factor 1"):
        Factors(values[:4000]).check_varied()


def test_what_cannot_be_factors_is_refused() -> None:
    with pytest.raises(ValueError, match="factors must be finite, got a NaN or an infinity in row 1"):
        Factors([[0.0], [np.nan]])
    with pytest.raises(TypeError, match="factors must be numbers, got"):
        Factors(np.array(["a", "b"]))
    with pytest.raises(ValueError, match=r"factors must have the shape \[N\] or \[N, K\], got \[1, 1, 1\]"):
        Factors(np.zeros((1, 1, 1)))
    with pytest.raises(ValueError, match="factors must have a row for each of the 3 codes, got 2"):
        factors_of([0, 1], 3)
