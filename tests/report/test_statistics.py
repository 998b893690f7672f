"""Small-sample statistics against scipy and by hand."""

import math

import numpy as np
import pytest

from pyvae.report.statistics import rank_correlation, ratio_interval, slope, t_interval


def test_the_interval_of_three_seeds() -> None:
    interval = t_interval(np.array([1.0, math.nan, 2.0, 3.0]))
    assert (interval.mean, interval.seeds) == (2.0, 3)
    assert interval.half == pytest.approx(4.3027 / math.sqrt(3))
    assert not interval.above_zero  # 2 - 2.48 < 0
    assert t_interval(np.array([1.9, 2.0, 2.1])).above_zero
    assert t_interval(np.array([-1.9, -2.0, -2.1])).below_zero


def test_one_seed_has_no_interval() -> None:
    interval = t_interval(np.array([2.0]))
    assert interval.mean == 2
    assert math.isnan(interval.half)
    assert not (interval.known or interval.above_zero or interval.below_zero)
    assert math.isnan(t_interval(np.array([math.nan])).mean)


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    intervals = [t_interval(rng.standard_normal(3)) for _ in range(4000)]
    covered = np.mean([abs(interval.mean) < interval.half for interval in intervals])
    assert covered == pytest.approx(0.95, abs=0.012)


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
    assert found.half == pytest.approx(4.3027 * np.std(pseudo, ddof=1) / math.sqrt(3), rel=1e-4)
    assert ratio_interval(2 * b, b).half == pytest.approx(0, abs=1e-12)
    assert ratio_interval(a[:1], b[:1]) == (0.25, pytest.approx(math.nan, nan_ok=True), 1)
    assert ratio_interval(a, np.zeros(4)).seeds == ratio_interval(a[3:], b[3:]).seeds == 0


def test_intervals_of_ratios_cover() -> None:
    """Of 2 000 studies of five seeds about 95 in a hundred intervals hold the ratio of the means."""
    rng = np.random.default_rng(0)
    gaps = 1 + 0.2 * rng.standard_normal((2000, 5))
    closed = 0.5 * gaps + 0.1 * rng.standard_normal((2000, 5))
    found = [ratio_interval(a, b) for a, b in zip(closed, gaps, strict=True)]
    assert 0.92 < np.mean([abs(one.mean - 0.5) <= one.half for one in found]) < 0.98
