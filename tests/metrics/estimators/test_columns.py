"""Latents on one scale."""

import numpy as np
import pytest

from pyvae.metrics.estimators.columns import FARTHEST, alike, spread, standardised


def test_scales_far_from_one_survive() -> None:
    z = np.random.default_rng(0).normal(size=(500, 4))
    unit, std = standardised(z * [1, 1e-300, 1e300, 1e-5] + [0, 0, 0, 3])
    expected = (z - z.mean(0)) / z.std(0)
    assert np.allclose(unit, expected, atol=1e-9)
    assert np.allclose(std, z.std(0) * [1, 1e-300, 1e300, 1e-5], rtol=1e-9, atol=0)


def test_a_constant_is_no_rounding_noise() -> None:
    columns = standardised(np.stack([np.full(1000, 0.1), np.zeros(1000), np.arange(1000.0)], 1))
    assert columns.varies.tolist() == [False, False, True] and not columns.values[:, :2].any()


def test_both_parts_are_on_the_scale_of_the_first() -> None:
    train, test = alike(np.array([[1.0, 5, 1e-300], [3, 5, 3e-300]]), np.array([[5.0, 9, 1e10], [2, 5, 2e-300]]))
    assert train == pytest.approx(np.array([[-1, 0, -1], [1, 0, 1]]))
    assert test == pytest.approx(np.array([[3, 0, FARTHEST], [0, 0, 0]]))


def test_a_single_point_has_no_spread() -> None:
    with pytest.raises(ValueError, match=r"codes must hold at least 2 points, got 1\."):
        spread("codes", standardised(np.ones((1, 3))))
