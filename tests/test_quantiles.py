"""Quantiles against scipy's."""

import pytest

from pyvae.quantiles import NORMAL_975, t_quantile


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99, 1 - 0.05 / 6, 0.999, 0.9999])
def test_t_quantiles(level: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    for degrees in range(1, 201):
        assert t_quantile(degrees, level) == pytest.approx(stats.t.ppf((1 + level) / 2, degrees), rel=1e-10), degrees


def test_many_degrees_are_those_of_the_normal_distribution() -> None:
    stats = pytest.importorskip("scipy.stats")
    assert t_quantile(2047) == pytest.approx(stats.t.ppf(0.975, 2047), rel=1e-10)
    assert t_quantile(100_000) == pytest.approx(NORMAL_975, rel=2e-5)
    assert pytest.approx(stats.norm.ppf(0.975), rel=1e-6) == NORMAL_975


def test_degrees_and_level_are_checked() -> None:
    with pytest.raises(ValueError, match="degrees must be at least 1, got 0"):
        t_quantile(0)
    for level in (0.0, 1.0, 95.0):
        with pytest.raises(ValueError, match=f"level must be between 0 and 1, got {level}"):
            t_quantile(3, level)
