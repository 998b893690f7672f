"""The bootstrap's spread is that of means."""

import numpy as np

from pyvae.metrics.estimators.resampling import interval, interval_of, is_few, resampled


def test_replicates_spread_as_means_do() -> None:
    terms = np.random.default_rng(0).normal(3.0, 2.0, size=(4000, 2, 3))
    drawn = resampled(terms, seed=1, replicates=400)
    assert drawn.shape == (400, 2, 3)
    assert np.allclose(drawn.mean(0), terms.mean(0), atol=0.01)
    assert np.allclose(drawn.std(0), 2.0 / np.sqrt(4000), rtol=0.15)


def test_equal_seeds_draw_equal_rows() -> None:
    terms = np.random.default_rng(0).normal(size=(100, 2))
    both, first = resampled(terms, seed=1), resampled(terms[:, :1], seed=1)
    assert np.allclose(both[:, :1], first, rtol=0, atol=1e-12)
    assert not np.allclose(first, resampled(terms[:, :1], seed=2))


def test_an_interval_stays_in_range_and_holds_its_value() -> None:
    low, high = interval(0.99, np.array([0.9, 1.0, 0.95]), 0.0, 1.0, rows=100)
    assert low < 0.99 < high == 1.0
    assert interval(0.5, np.full(10, 0.5), 0.0, 1.0, rows=10) == (0.5, 0.5)


def test_few_replicates_reach_as_far_as_student_s_t() -> None:
    """Of replicates that scatter as the value does 95 % of intervals hold the truth; 1.96 would hold 93 % with 16."""
    rng = np.random.default_rng(0)
    for replicates in (5, 16):
        found = [interval(rng.normal(), rng.normal(size=replicates), -9.0, 9.0, rows=100) for _ in range(4000)]
        assert abs(np.mean([low <= 0 <= high for low, high in found]) - 0.95) < 0.01


def test_of_few_rows_it_is_the_whole_range() -> None:
    assert is_few(9) and not is_few(10)
    assert interval(0.5, np.full(10, 0.5), -1.0, 1.0, rows=9) == (-1.0, 1.0)
    assert interval_of(lambda means: means[..., 0], np.zeros((9, 1)), 0, -1.0, 1.0) == (-1.0, 1.0)


def test_the_interval_of_a_mean_is_the_known_one() -> None:
    terms = np.random.default_rng(0).uniform(size=(10_000, 1))
    low, high = interval_of(lambda means: means[..., 0], terms, 3, 0.0, 1.0)
    assert abs((high - low) - 2 * 1.96 * np.sqrt(1 / 12 / 10_000)) < 2e-3
