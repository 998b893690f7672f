"""Linear theory: the numbers of the study's definition, and a simulation of the channel it describes."""

import math

import pytest
import torch

from pyvae.metrics.information import ceiling, recovered_information
from pyvae.metrics.theory import collapse_boundary, constant_decoder_mse, linear_theory_recovered

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
