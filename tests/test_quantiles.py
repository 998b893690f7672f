"""Quantiles against scipy's."""

import pytest

from pyvae.quantiles import NORMAL_975, t_quantile


@pytest.mark.parametrize("degrees", [1, 2, 3, 5, 10, 11, 15, 30, 200])
def test_t_quantiles(degrees: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-4)
    assert pytest.approx(stats.norm.ppf(0.975), rel=1e-6) == NORMAL_975


def test_degrees_are_checked() -> None:
    with pytest.raises(ValueError, match="degrees"):
        t_quantile(0)
