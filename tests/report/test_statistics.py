"""Small-sample statistics against scipy and by hand."""

import math

import numpy as np
import pytest

from pyvae.report.statistics import (
    Interval,
    best_of,
    chance_correlation,
    closed_interval,
    rank_correlation,
    ratio_interval,
    seed_means,
    simultaneous,
    slope,
    t_interval,
    welch_interval,
)


def test_the_interval_of_three_seeds() -> None:
    interval = t_interval(np.array([1.0, math.nan, 2.0, 3.0]))
    assert (interval.mean, interval.seeds) == (2.0, 3)
    assert interval.half == pytest.approx(4.302653 / math.sqrt(3))
    assert not interval.above_zero  # 2 - 2.48 < 0
    assert t_interval(np.array([1.9, 2.0, 2.1])).above_zero
    assert t_interval(np.array([-1.9, -2.0, -2.1])).below_zero


def test_one_seed_has_no_interval() -> None:
    interval = t_interval(np.array([2.0]))
    assert interval.mean == 2
    assert math.isnan(interval.half)
    assert not (interval.known or interval.above_zero or interval.below_zero)
    assert math.isnan(t_interval(np.array([math.nan])).mean)


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_the_interval_covers_as_often_as_it_says(level: float) -> None:
    rng = np.random.default_rng(0)
    intervals = [t_interval(rng.standard_normal(3), level) for _ in range(4000)]
    covered = np.mean([abs(interval.mean) < interval.half for interval in intervals])
    assert covered == pytest.approx(level, abs=0.02)


@pytest.mark.parametrize("values", [[9.0, 9.0, 9.0], [0.1] * 7, [0.0, 0.0], [0.1 + 0.2, 0.3]])
def test_seeds_that_agree_have_no_interval(values: list[float]) -> None:
    """Three equal counts are no certainty; spread by rounding alone is none."""
    for interval in (t_interval(np.array(values)), welch_interval(np.array(values), np.array([4.0, 4.0]))):
        assert interval.same and not interval.known
        assert not (interval.above_zero or interval.below_zero or interval.undecided)
    assert not t_interval(np.array([9.0])).same


def test_two_groups_are_compared_as_scipy_has_it() -> None:
    stats = pytest.importorskip("scipy.stats")
    a, b = np.array([1.0, 2.0, 4.0, np.nan]), np.array([0.0, 0.5, 0.2, 0.3, 0.1])
    found = welch_interval(a, b)
    test = stats.ttest_ind(a[:3], b, equal_var=False)
    error = (a[:3].mean() - b.mean()) / test.statistic
    assert (found.mean, found.seeds) == (pytest.approx(a[:3].mean() - b.mean()), 3)
    assert found.half == pytest.approx(stats.t.ppf(0.975, math.floor(test.df)) * error)
    assert math.floor(test.df) == 2
    # Equal groups of one variance have all their degrees, in whatever order: nothing is paired.
    even = welch_interval(np.array([1.0, 2.0, 3.0]), np.array([5.0, 4.0, 6.0]))
    assert even == welch_interval(np.array([3.0, 1.0, 2.0]), np.array([4.0, 5.0, 6.0]))
    assert even.half == pytest.approx(stats.t.ppf(0.975, 4) * math.sqrt(2 / 3))
    assert welch_interval(a[:1], b) == (pytest.approx(0.78), pytest.approx(math.nan, nan_ok=True), 1)
    assert math.isnan(welch_interval(a[3:], b).mean)


def test_differences_of_unlike_groups_cover() -> None:
    """Of groups of three whose deviations differ tenfold: at least as often as said, since degrees are rounded down."""
    rng = np.random.default_rng(1)
    for scale in (1.0, 10.0):
        found = [welch_interval(scale * rng.standard_normal(3), rng.standard_normal(3)) for _ in range(3000)]
        assert 0.94 < np.mean([one.undecided for one in found]) < 0.99


def test_many_comparisons_hold_at_once() -> None:
    """Of 600 studies of six comparisons without a difference few find any; by single intervals every fifth does."""
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((600, 6, 2, 4))
    assert simultaneous(1) == 0.95 and simultaneous(6) == pytest.approx(1 - 0.05 / 6) and simultaneous(0) == 0.95
    any_found = [
        np.mean([not all(welch_interval(*pair, level).undecided for pair in study) for study in draws])
        for level in (simultaneous(1), simultaneous(6))
    ]
    assert any_found[0] > 0.15 and any_found[1] < 0.06


def test_an_interval_times_a_number() -> None:
    assert Interval(0.2, 0.1, 3).times(-2) == (-0.4, 0.2, 3)
    assert Interval(0.2, 0.1, 3).above(0.09) and not Interval(0.2, 0.1, 3).above(0.11)


def test_slopes() -> None:
    x = np.array([0.0, 1.0, 2.0, 5.0])
    assert slope(x, 3 - 2 * x) == pytest.approx(-2)
    assert slope(x, np.array([1.0, math.nan, 5.0, math.nan])) == pytest.approx(2)
    assert math.isnan(slope(x[:1], x[:1]))
    assert math.isnan(slope(x, np.full(4, math.nan)))


def test_rank_correlation_with_ties() -> None:
    stats = pytest.importorskip("scipy.stats")
    x, y = np.array([0.0, 0, 1, 3, 3, 9, math.nan]), np.array([2.0, 1, 1, 5, 4, 4, 0])
    assert rank_correlation(x, y) == pytest.approx(stats.spearmanr(x[:6], y[:6]).statistic)
    assert rank_correlation(x, np.exp(x)) == pytest.approx(1)
    assert math.isnan(rank_correlation(x, np.ones(7)))


def test_a_ratio_of_means_and_its_jackknife() -> None:
    a, b = np.array([1.0, 2.0, 3.0, np.nan]), np.array([4.0, 5.0, 9.0, 1.0])
    found = ratio_interval(a, b)
    assert (found.mean, found.seeds) == (pytest.approx(6 / 18), 3)
    pseudo = [3 * 6 / 18 - 2 * rest for rest in (5 / 14, 4 / 13, 3 / 9)]
    assert found.half == pytest.approx(4.302653 * np.std(pseudo, ddof=1) / math.sqrt(3), rel=1e-6)
    assert ratio_interval(2 * b, b) == (pytest.approx(2), pytest.approx(math.nan, nan_ok=True), 4)
    assert ratio_interval(a[:1], b[:1]) == (0.25, pytest.approx(math.nan, nan_ok=True), 1)
    assert ratio_interval(a, np.zeros(4)).seeds == ratio_interval(a[3:], b[3:]).seeds == 0


def test_intervals_of_ratios_cover() -> None:
    """Of 2 000 studies of five seeds about 95 in a hundred intervals hold the ratio of the means."""
    rng = np.random.default_rng(0)
    gaps = 1 + 0.2 * rng.standard_normal((2000, 5))
    closed = 0.5 * gaps + 0.1 * rng.standard_normal((2000, 5))
    found = [ratio_interval(a, b) for a, b in zip(closed, gaps, strict=True)]
    assert 0.92 < np.mean([abs(one.mean - 0.5) <= one.half for one in found]) < 0.98


def test_the_share_of_a_gap_that_is_closed() -> None:
    before, after, goal = np.array([0.5, 0.6, 0.7, np.nan]), np.array([0.7, 0.9, 0.8, 1.0]), np.array([1.0, 1.2])
    found = closed_interval(after, before, goal)
    assert (found.mean, found.seeds) == (pytest.approx(0.2 / 0.5), 2)
    pairs = [3 * 0.4 - 2 * share for share in (0.2 / 0.45, 0.15 / 0.5, 0.25 / 0.55)]
    goals = [2 * 0.4 - share for share in (0.2 / 0.6, 0.2 / 0.4)]
    squares = [np.var(pairs, ddof=1) / 3, np.var(goals, ddof=1) / 2]
    degrees = math.floor(sum(squares) ** 2 / (squares[0] ** 2 / 2 + squares[1] ** 2))
    assert degrees == 2 and found.half == pytest.approx(4.302653 * math.sqrt(sum(squares)), rel=1e-6)
    assert closed_interval(after, before, goal[::-1]).half == pytest.approx(found.half)
    assert closed_interval(after[:1], before[:1], goal)[2] == 1
    assert closed_interval(after, before, before[:3]).seeds == closed_interval(after, before, goal[:0]).seeds == 0


def test_intervals_of_closed_shares_cover() -> None:
    """Half the gap is closed; goals are no partners of the others."""
    rng, found = np.random.default_rng(0), []
    for _ in range(2000):
        before = 0.1 * rng.standard_normal(5)
        after = before + 0.5 + 0.1 * rng.standard_normal(5)
        found.append(closed_interval(after, before, 1 + 0.1 * rng.standard_normal(5)))
    assert 0.92 < np.mean([abs(one.mean - 0.5) <= one.half for one in found]) < 0.985


@pytest.mark.parametrize("cells", [5, 8, 30])
def test_rank_correlations_of_unrelated_cells_are_told_from_chance_in_no_more_than_five_of_a_hundred(
    cells: int,
) -> None:
    rng = np.random.default_rng(0)
    active = np.minimum(np.arange(cells), cells // 2).astype(float)  # half of the cells tie
    found = np.array([rank_correlation(active, rng.standard_normal(cells)) for _ in range(4000)])
    assert found.var() == pytest.approx(1 / (cells - 1), rel=0.06)
    told = (np.abs(found) > chance_correlation(cells)).mean()
    assert told < 0.055 and (told > 0.035 or cells == 5)  # of 5, two of which tie, no order is rare enough


def test_four_cells_tell_nothing() -> None:
    assert chance_correlation(4) > 1 > chance_correlation(5) and chance_correlation(1) == math.inf


def test_the_best_of_several_and_what_it_is_not_clear_of() -> None:
    scatter = np.array([-0.01, 0.0, 0.01])
    values = np.stack([0.5 + scatter, 1.0 + scatter, 0.99 + scatter, np.full(3, np.nan)])
    assert best_of(values) == (1, (2,))
    assert best_of(values[:1]) == (0, ())
    assert best_of(values[:2, :1]) == (1, (0,))  # of one seed nothing is clear
    with pytest.raises(ValueError, match="values must hold a number"):
        best_of(values[3:])


def test_seeds_have_means_of_what_they_have() -> None:
    values = np.array([[[1.0, math.nan, math.nan]], [[3.0, 4.0, math.nan]]])
    np.testing.assert_array_equal(seed_means(values), [2.0, 4.0, math.nan])
