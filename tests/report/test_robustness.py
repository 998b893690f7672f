"""Robustness to bias in numbers, on shares that are written down."""

import itertools
import math

import numpy as np
import pytest

from pyvae.report.robustness import (
    MARGIN,
    Answered,
    Ends,
    Finding,
    Robustness,
    Verdict,
    answer_of,
    robustness,
    verdict,
)
from pyvae.report.statistics import Interval

BIASES, STRENGTHS = np.array([0.0, 2.0]), np.array([1.0, 4.0, 8.0])
WIGGLE = 0.001 * np.array([[[-1.0, 0.0, 1.0]], [[1.0, -1.0, 0.0]]])  # of the level and of the slope


def shares(*ends: tuple[float, float]) -> np.ndarray:
    """[B, S, seeds] of each strength's share without bias and with most, with a little scatter."""
    return np.array(ends).T[:, :, None] + WIGGLE


def found(share: np.ndarray, active: float | np.ndarray = 3.0) -> Verdict:
    return verdict(robustness(BIASES, STRENGTHS, 1.0, share, np.broadcast_to(active, share.shape)), 1.0)


def test_slopes_are_per_unit_of_bias_and_shares_of_the_ceiling() -> None:
    base, middle, large = robustness(BIASES, STRENGTHS, 1.0, *[shares((0.8, 0.4), (0.8, 0.6), (0.4, 0.4))] * 2)
    assert (base.slope.mean, middle.slope.mean) == (pytest.approx(-0.2), pytest.approx(-0.1))
    assert base.slope_gain == base.shared_slope_gain == base.shared_share_gain == (0.0, 0.0, 3)
    assert middle.shared_slope_gain.mean == pytest.approx(0.1)
    assert large.shared_share_gain.mean == pytest.approx(-0.2) and large.shared == (0.0, 2.0)


def test_models_of_two_strengths_are_independent() -> None:
    """Seeds of one number are no partners: in another order the same is found, and what they share does not cancel."""
    share = shares((0.8, 0.4), (0.8, 0.6), (0.4, 0.4))
    other = share.copy()
    other[:, 1] = share[:, 1, ::-1]
    first, second = (robustness(BIASES, STRENGTHS, 1.0, one, one)[1] for one in (share, other))
    assert first.shared_slope_gain == second.shared_slope_gain == first.slope_gain
    slopes = (WIGGLE[1, 0] - WIGGLE[0, 0]) / 2
    assert first.shared_slope_gain.half == pytest.approx(2.776445 * math.sqrt(2 * slopes.var(ddof=1) / 3))
    assert first.shared_share_gain.half == pytest.approx(second.shared_share_gain.half) and first.share.half > 0


def test_comparisons_at_once_widen_all_but_what_warns() -> None:
    share = shares((0.8, 0.4), (0.8, 0.6), (0.4, 0.4))
    alone, together = (robustness(BIASES, STRENGTHS, 1.0, share, share, comparisons=m)[1] for m in (1, 6))
    for name in ("slope_gain", "shared_slope_gain", "shared_share_gain"):
        assert getattr(together, name).half > 1.5 * getattr(alone, name).half
    assert together.shared_active_gain == alone.shared_active_gain and together.share == alone.share
    assert robustness(BIASES, STRENGTHS, 1.0, share, share, comparisons=6)[0].shared_slope_gain == (0.0, 0.0, 3)


def test_what_holds_up_better_is_bought_only_where_nothing_is_lost() -> None:
    result = found(shares((0.8, 0.4), (0.8, 0.6), (0.4, 0.4)))
    assert [row.strength for row in result.those(Finding.BOUGHT)] == [4.0]
    assert [row.strength for row in result.those(Finding.TRADED)] == [8.0]
    assert not result.open


def test_a_little_lower_is_within_the_margin() -> None:
    for lower, finding in ((0.5 * MARGIN, Finding.BOUGHT), (1.5 * MARGIN, Finding.TRADED)):
        ends = (0.8 - lower, 0.6 - lower)
        (row, _) = found(shares((0.8, 0.6), (ends[0] - 0.05, ends[1] + 0.05), (0.8, 0.6))).compared
        assert row.shared_share_gain.below_zero and row.finding is finding


def test_whether_it_is_lower_may_be_open() -> None:
    share = shares((0.8, 0.4), (0.7, 0.5), (0.8, 0.4))
    share[:, 1] += 0.1 * np.array([-1, 0, 1])
    (row, _) = found(share).compared
    assert row.shared_slope_gain.above_zero and row.finding is Finding.LEVEL_OPEN


def test_what_holds_up_worse_and_what_cannot_be_told() -> None:
    share = shares((0.8, 0.7), (0.8, 0.5), (0.8, 0.7))
    share[1, 2] += [-0.1, 0.0, 0.1]
    result = found(share)
    assert [row.strength for row in result.those(Finding.STEEPER)] == [4.0]
    assert [row.strength for row in result.those(Finding.UNDECIDED)] == [8.0] and result.open


@pytest.mark.parametrize(
    ("counts", "finding"),
    [
        ([3.0, 3.0, 3.0], Finding.THINNED),  # fewer in every seed, none of which differs
        ([3.0, 4.0, 3.0], Finding.THINNED),
        ([9.0, 9.0, 9.0], Finding.BOUGHT),
        ([9.0, 8.0, 9.0], Finding.BOUGHT),
    ],
)
def test_a_strength_with_clearly_fewer_latents_is_partly_collapsed(counts: list[float], finding: Finding) -> None:
    share = shares((0.8, 0.4), (0.8, 0.6), (0.8, 0.4))
    active = np.full(share.shape, 9.0)
    active[1, 1] = counts
    (row, _) = found(share, active).compared
    assert row.finding is finding
    assert row.active == Ends(9.0, pytest.approx(np.mean(counts))) and row.reference_active == Ends(9.0, 9.0)


def _row(slope: Interval, share: Interval, active: Interval) -> Robustness:
    any_ends, nothing = Ends(3.0, 2.0), Interval(0.5, 0.1, 3)
    return Robustness(4.0, nothing, nothing, slope, 2, (0.0, 1.0), slope, share, active, any_ends, any_ends)


def test_every_row_that_can_be_compared_is_in_one_class() -> None:
    means, halves = (-0.3, -0.06, -0.03, 0.0, 0.03, 0.3), (0.0, 0.01, 0.04, 0.1, 1.0, math.nan)
    intervals = [Interval(mean, half, 3) for mean, half in itertools.product(means, halves)]
    seen = set()
    for slope, share, active in itertools.product(intervals, intervals, intervals[::5]):
        result = Verdict(True, (_row(slope, share, active),))
        (finding,) = [one for one in Finding if result.those(one)]
        seen.add(finding)
        flatter = finding in (Finding.BOUGHT, Finding.THINNED, Finding.TRADED, Finding.LEVEL_OPEN)
        assert flatter == (slope.mean - slope.half > 0)
        assert (finding is Finding.STEEPER) == (slope.mean + slope.half < 0)
        if flatter:
            within = share.mean - share.half > -MARGIN
            assert within == (finding in (Finding.BOUGHT, Finding.THINNED))
            assert (finding is Finding.TRADED) == (not within and share.mean + share.half < 0)
    assert seen == set(Finding)


@pytest.mark.parametrize(
    ("findings", "answer"),
    [
        ([Finding.BOUGHT, Finding.THINNED], Answered.YES),
        ([Finding.BOUGHT, Finding.STEEPER], Answered.IN_PART),
        ([Finding.STEEPER, Finding.TRADED], Answered.NO),
        *(([Finding.STEEPER, one], Answered.OPEN) for one in (Finding.LEVEL_OPEN, Finding.UNDECIDED, Finding.UNKNOWN)),
    ],
)
def test_the_first_words_of_a_verdict(findings: list[Finding], answer: Answered) -> None:
    assert answer_of(findings) is answer


def test_collapsed_strengths_are_not_compared() -> None:
    active = np.full((2, 3, 3), 3.0)
    active[1, 1, 2] = 0
    active[:, 2] = 0
    result = found(shares((0.8, 0.7), (0.8, 0.5), (0.8, 0.7)), active)
    assert result.larger and not result.compared and not result.open
    assert not found(np.full((2, 3, 1), np.nan)).compared
    (row,) = robustness(BIASES, STRENGTHS[:1], 1.0, np.full((2, 1, 1), 0.5), np.full((2, 1, 1), 1.0))
    assert not row.share.known and math.isnan(row.share.half) and math.isnan(row.slope_gain.half)
    assert not verdict([row], 1.0).larger


def test_a_verdict_is_seldom_wrong_where_strengths_do_not_differ() -> None:
    """Of 300 studies of four strengths that are all alike: single intervals find something in more than one in ten."""
    rng, strengths = np.random.default_rng(0), np.array([1.0, 2.0, 4.0, 8.0])
    wrong = {1: 0, 3: 0}
    for _ in range(300):
        share = 0.5 + 0.1 * rng.standard_normal((2, 4, 4))
        for comparisons in wrong:
            rows = robustness(BIASES, strengths, 1.0, share, np.ones_like(share), comparisons=comparisons)
            wrong[comparisons] += any(row.finding is not Finding.UNDECIDED for row in rows[1:])
    assert wrong[1] > 0.08 * 300 and wrong[3] < 0.07 * 300
