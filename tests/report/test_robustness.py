"""Robustness to bias in numbers, on shares that are written down."""

import math

import numpy as np
import pytest

from pyvae.report.robustness import Verdict, robustness, verdict

BIASES, STRENGTHS = np.array([0.0, 2.0]), np.array([1.0, 4.0, 8.0])
SEEDS = 0.01 * np.arange(3)


def shares(*ends: tuple[float, float]) -> np.ndarray:
    """[B, S, seeds] of each strength's share without bias and with most; seeds are offset alike."""
    return np.array(ends).T[:, :, None] + SEEDS


def found(share: np.ndarray, active: float | np.ndarray = 3.0) -> Verdict:
    return verdict(robustness(BIASES, STRENGTHS, 1.0, share, np.broadcast_to(active, share.shape)), 1.0)


def test_slopes_are_per_unit_of_bias_and_gains_are_paired() -> None:
    base, middle, large = robustness(BIASES, STRENGTHS, 1.0, *[shares((0.8, 0.4), (0.8, 0.6), (0.4, 0.4))] * 2)
    assert (base.slope.mean, middle.slope.mean) == (pytest.approx(-0.2), pytest.approx(-0.1))
    assert base.slope_gain.mean == base.shared_share_gain.mean == 0
    assert middle.shared_slope_gain.mean == pytest.approx(0.1) and middle.shared_slope_gain.half < 1e-9
    assert large.shared_share_gain.mean == pytest.approx(-0.2) and large.shared == (0.0, 2.0)


def test_what_holds_up_better_is_bought_only_where_nothing_is_lost() -> None:
    result = found(shares((0.8, 0.4), (0.8, 0.6), (0.4, 0.4)))
    assert [row.strength for row in result.bought] == [4.0]
    assert [row.strength for row in result.traded] == [8.0]
    assert not result.open and not result.steeper


def test_what_holds_up_worse_and_what_cannot_be_told() -> None:
    share = shares((0.8, 0.7), (0.8, 0.5), (0.8, 0.7))
    share[1, 2] += [-0.1, 0.0, 0.1]
    result = found(share)
    assert [row.strength for row in result.steeper] == [4.0]
    assert [row.strength for row in result.unsettled] == [8.0] and result.open


def test_collapsed_strengths_are_not_compared() -> None:
    active = np.full((2, 3, 3), 3.0)
    active[1, 1, 2] = 0
    active[:, 2] = 0
    result = found(shares((0.8, 0.7), (0.8, 0.5), (0.8, 0.7)), active)
    assert result.larger and not result.compared
    assert not found(np.full((2, 3, 1), np.nan)).compared
    (row,) = robustness(BIASES, STRENGTHS[:1], 1.0, np.full((2, 1, 1), 0.5), np.full((2, 1, 1), 1.0))
    assert not row.share.known and math.isnan(row.share.half)
    assert not verdict([row], 1.0).larger
