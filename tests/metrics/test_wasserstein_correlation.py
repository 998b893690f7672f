"""Wasserstein correlation, known by its formula."""

import math

import numpy as np
import pytest
import scipy.linalg

from pyvae.metrics import wasserstein_correlation
from tests.metrics.test_gaussian_total_correlation import pair


@pytest.mark.parametrize("rho", [0.3, 0.9])
def test_two_correlated_latents(rho: float) -> None:
    """Of unit variances the eigenvalues are 1 + rho, 1 - rho and 1."""
    truth = 2 * 3 - 2 * (math.sqrt(1 + rho) + math.sqrt(1 - rho) + 1)
    score = wasserstein_correlation(pair(rho, 100_000))
    assert float(score) == pytest.approx(truth, rel=0.05)
    assert score.parts["normalised"] == pytest.approx(truth / 3, rel=0.05)
    assert score.ceiling == pytest.approx(6 - 2 * math.sqrt(3), rel=0.02)


def test_the_library_s_formula_with_a_root_of_the_matrix() -> None:
    z = pair(0.5, 500) * [1, 3, 0.2]
    covariance = np.cov(z.T)
    root = scipy.linalg.sqrtm(covariance * np.diag(covariance)[:, None])
    expected = 2 * np.trace(covariance) - 2 * np.trace(root)
    assert float(wasserstein_correlation(z, protocol="disentanglement_lib")) == pytest.approx(expected, abs=1e-9)


def test_copies_reach_the_ceiling_and_dead_latents_add_nothing() -> None:
    """scipy's root of such a covariance may be complex."""
    z = np.random.default_rng(0).normal(size=(1000, 1))
    score = wasserstein_correlation(np.repeat(z, 4, 1))
    assert float(score) == pytest.approx(4 * z.var(ddof=1), rel=1e-6) == pytest.approx(score.ceiling, rel=1e-6)
    dead = wasserstein_correlation(np.concatenate([np.repeat(z, 4, 1), np.ones((1000, 2))], 1))
    assert float(dead) == pytest.approx(float(score)) and dead.parts["active"].sum() == 4
    assert float(wasserstein_correlation(np.ones((10, 3)))) == 0


def test_it_is_in_squared_units() -> None:
    z = pair(0.7, 1000)
    one, ten = wasserstein_correlation(z), wasserstein_correlation(z * 10)
    assert float(ten) == pytest.approx(100 * float(one)) and ten.high == pytest.approx(100 * one.high)
    assert ten.parts["normalised"] == pytest.approx(one.parts["normalised"])


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_intervals_hold_the_truth(rho: float) -> None:
    truth = 6 - 2 * (math.sqrt(1 + rho) + math.sqrt(1 - rho) + 1)
    found = [wasserstein_correlation(pair(rho, 400, np.random.default_rng(s)), seed=s) for s in range(100)]
    assert np.mean([f.low <= truth <= f.high for f in found]) >= 0.9
    if rho:
        assert np.median([f.high - f.low for f in found]) < 4 * 1.96 * np.std([f.value for f in found])


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="codes must have variances within float64"):
        wasserstein_correlation(pair(0.5, 100) * 1e200)
    with pytest.raises(ValueError, match="codes must hold at least 2 points"):
        wasserstein_correlation(np.ones((1, 3)))
