"""Gaussian total correlation, known by its formula."""

import math

import numpy as np
import pytest

from pyvae.metrics import gaussian_total_correlation

RNG = np.random.default_rng(0)


def pair(rho: float, rows: int, rng: np.random.Generator = RNG) -> np.ndarray:
    """Two latents of correlation rho and one beside them: -log(1 - rho²) / 2 nats."""
    z = rng.normal(size=(rows, 3))
    z[:, 1] = rho * z[:, 0] + math.sqrt(1 - rho**2) * z[:, 1]
    return z


@pytest.mark.parametrize("rho", [0.3, 0.9, -0.99])
def test_two_correlated_latents(rho: float) -> None:
    score = gaussian_total_correlation(pair(rho, 100_000))
    assert float(score) == pytest.approx(-math.log1p(-rho * rho) / 2, rel=0.05)
    assert score.ceiling == math.inf


def test_scales_shifts_and_dead_latents_do_not_matter() -> None:
    """NaN in disentanglement_lib for a dead latent; other packages read 0 for latents with std < 0.316."""
    z = pair(0.8, 5000)
    expected = float(gaussian_total_correlation(z))
    changed = np.concatenate([z * [1e-3, 1e6, 1e-200] + [5, 0, 0], np.full((5000, 1), 0.1)], 1)
    score = gaussian_total_correlation(changed)
    assert float(score) == pytest.approx(expected, rel=1e-9)
    assert score.parts["active"].tolist() == [True, True, True, False]
    with pytest.raises(ValueError, match=r"codes must have no constant latent .* got latent 3"):
        gaussian_total_correlation(changed, protocol="disentanglement_lib")


def test_the_library_s_formula() -> None:
    z = pair(0.5, 500)
    covariance = np.cov(z.T)
    expected = (np.log(np.diag(covariance)).sum() - np.linalg.slogdet(covariance)[1]) / 2
    assert float(gaussian_total_correlation(z, protocol="disentanglement_lib")) == pytest.approx(expected, abs=1e-9)


def test_a_copy_is_a_sentence_and_a_constant_code_0() -> None:
    z = pair(0.5, 500)
    with pytest.raises(
        ValueError, match=r"codes must have no latent that is a linear combination .* 4 latents of rank 3"
    ):
        gaussian_total_correlation(np.concatenate([z, z[:, :1] - z[:, 1:2]], 1))
    assert float(gaussian_total_correlation(np.ones((10, 3)))) == 0
    with pytest.raises(ValueError, match="codes must hold at least 2 points, got 1"):
        gaussian_total_correlation(np.ones((1, 3)))


def test_it_is_blind_to_a_square() -> None:
    x = np.linspace(-1, 1, 1001)
    assert float(gaussian_total_correlation(np.stack([x, x * x], 1))) < 1e-12


@pytest.mark.parametrize("rho", [0.0, 0.05, 0.6])
def test_intervals_hold_the_truth(rho: float) -> None:
    truth = -math.log1p(-rho * rho) / 2
    found = [gaussian_total_correlation(pair(rho, 400, np.random.default_rng(s)), seed=s) for s in range(100)]
    assert np.mean([f.low <= truth <= f.high for f in found]) >= 0.9
    if rho > 0.5:  # at 0 the score is skew: values lie on one side of the truth
        spread = 2 * 1.96 * np.std([f.value for f in found])
        assert np.median([f.high - f.low for f in found]) < 2 * spread
