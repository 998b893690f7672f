"""Linear theory: the numbers of the study's definition, and a simulation of the channel it describes."""

import math

import numpy as np
import pytest
import torch

from pyvae.metrics.estimators.code_information import recovered_information
from pyvae.studies.biased_grid.theory import ceiling, collapse_boundary, constant_decoder_mse, linear_theory_recovered

BOUNDARY = {0: 9.5, 1: 7.5, 2: 4.1, 3: 1.9, 4: 1.2, 5: 1.03}


@pytest.mark.parametrize(("mu", "beta"), BOUNDARY.items())
def test_the_collapse_boundary(mu: int, beta: float) -> None:
    assert collapse_boundary(mu) == pytest.approx(beta, abs=0.06 if beta > 2 else 0.03)
    assert collapse_boundary(-mu) == pytest.approx(collapse_boundary(mu))


def test_the_boundary_agrees_with_samples() -> None:
    intensity = (2 + torch.randn(1_000_000, dtype=torch.float64)).sigmoid()
    assert collapse_boundary(2, pixels=4, noise_variance=0.1) == pytest.approx(
        1 + 40 * intensity.var().item(), rel=0.01
    )
    with pytest.raises(ValueError, match="noise_variance"):
        collapse_boundary(0, noise_variance=-1)


@pytest.mark.parametrize("mu", BOUNDARY)
def test_linear_theory_falls_with_beta_to_nothing_at_the_boundary(mu: int) -> None:
    boundary = collapse_boundary(mu)
    values = [linear_theory_recovered(mu, share * boundary) for share in (0.01, 0.3, 0.6, 0.99)]
    assert values == sorted(values, reverse=True)
    assert ceiling(mu) > values[0] > 0
    assert linear_theory_recovered(mu, boundary) == linear_theory_recovered(mu, 20) == 0


@pytest.mark.parametrize(("mu", "beta"), [(0.0, 1.0), (1.0, 2.0), (3.0, 0.5)])
def test_linear_theory_agrees_with_a_simulation(mu: float, beta: float) -> None:
    """Probabilistic PCA of one block: code = sqrt(1 - beta / lambda) * standardised mean + noise."""
    total = collapse_boundary(mu)  # the block's eigenvalue, in units of the pixel noise
    z = mu + torch.randn(200_000, 1)
    means = z.sigmoid() + math.sqrt(0.25 / 49) * torch.randn_like(z)
    standardised = (means - means.mean()) / means.std()
    code = math.sqrt(1 - beta / total) * standardised + math.sqrt(beta / total) * torch.randn_like(z)
    simulated = 9 * recovered_information(code, z).item()
    assert linear_theory_recovered(mu, beta) == pytest.approx(simulated, rel=0.04)


def test_a_decoder_that_ignores_its_latents() -> None:
    assert constant_decoder_mse(0) == pytest.approx(0.106667, abs=1e-6)
    white = ((0.9**2) + 0.5**2 + 0.1**2) / 3
    assert constant_decoder_mse(30) == pytest.approx(white, abs=1e-6)


MUS = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)


@pytest.mark.parametrize("mu", MUS)
def test_the_ceiling_does_not_depend_on_the_grid(mu: float) -> None:
    assert ceiling(mu) == pytest.approx(ceiling(mu, points=3501), rel=1e-9)


@pytest.mark.parametrize("mu", [0.0, 2.0, 4.0])
def test_the_ceiling_agrees_with_monte_carlo(mu: float) -> None:
    rng = np.random.default_rng(0)
    s = math.sqrt(0.25 / 49)
    prior = 1 / (1 + np.exp(-(mu + rng.standard_normal(4000))))
    intensity = 1 / (1 + np.exp(-(mu + rng.standard_normal(4000))))
    m = intensity + s * rng.standard_normal(4000)
    log_conditional = -0.5 * ((m - intensity) / s) ** 2
    log_marginal = np.log(np.mean(np.exp(-0.5 * ((m[:, None] - prior) / s) ** 2), axis=1))
    pointwise = log_conditional - log_marginal
    error = pointwise.std() / math.sqrt(len(m))
    assert ceiling(mu) / 9 == pytest.approx(pointwise.mean(), abs=4 * error + 0.003)


@pytest.mark.parametrize("mu", MUS)
def test_a_gaussian_intensity_of_the_same_variance_would_hold_more(mu: float) -> None:
    """A Gaussian has the largest entropy for its variance: the ceiling lies below log(beta*) / 2 per block."""
    assert 0 < ceiling(mu) < 9 * 0.5 * math.log(collapse_boundary(mu))


def test_the_ceiling_in_the_limits() -> None:
    assert ceiling(0.0, noise_variance=1e4) == pytest.approx(9 * 0.5 * 49 * 0.04339 / 1e4, rel=0.01)
    assert ceiling(0.0, blocks=4) == pytest.approx(ceiling(0.0) * 4 / 9)
    values = [ceiling(mu) for mu in MUS]
    assert values == sorted(values, reverse=True)
    with pytest.raises(ValueError, match="noise_variance"):
        ceiling(0.0, noise_variance=0.0)
