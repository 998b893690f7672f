"""The jackknife's interval of a quantile."""

import numpy as np

from pyvae.metrics.estimators.jackknife import jackknife


def test_it_holds_the_quantile_of_many_rows() -> None:
    rng = np.random.default_rng(0)
    held, widths, values = 0, [], []
    for _ in range(200):
        x = rng.exponential(size=500)
        value = float(np.quantile(x, 0.9))
        low, high = jackknife(lambda rows, x=x: float(np.quantile(x[rows], 0.9)), value, 500, rng, 0.0, 10.0)
        held += low <= np.log(10) <= high
        widths.append(high - low)
        values.append(value)
    assert held >= 180 and np.median(widths) < 2 * 2 * 1.96 * np.std(values)


def test_fewer_rows_than_groups_leave_the_whole_range() -> None:
    rng = np.random.default_rng(0)
    assert jackknife(lambda rows: 0.5, 0.5, 1, rng, 0.0, 1.0) == (0.0, 1.0)
    assert jackknife(lambda rows: 0.5, 0.5, 9, rng, 0.0, 1.0) == (0.0, 1.0)
    assert jackknife(lambda rows: 0.5, 0.5, 10, rng, 0.0, 1.0) == (0.5, 0.5)
    assert jackknife(lambda rows: 0.5, 0.5, 100, rng, 0.0, 1.0) == (0.5, 0.5)


def test_of_many_rows_some_are_drawn() -> None:
    """The mean of N rows of variance 1 is known to 1.96 / sqrt(N); ten groups know their spread to a quarter."""
    x, most = np.random.default_rng(0).normal(size=100_000), 0
    widths = []

    def mean(rows: np.ndarray) -> float:
        nonlocal most
        most = max(most, len(rows))
        return float(x[rows].mean())

    for seed in range(20):
        low, high = jackknife(mean, float(x.mean()), len(x), np.random.default_rng(seed), -1.0, 1.0)
        widths.append(high - low)
    assert most <= 20_000 and 0.8 < np.median(widths) * np.sqrt(len(x)) / (2 * 2.262) < 1.2
