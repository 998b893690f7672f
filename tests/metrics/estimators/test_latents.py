"""Active latents of codes that are in use, barely in use, and collapsed."""

import math

import torch

from pyvae.metrics.estimators.latents import active_by_kl, active_by_variance, kl_per_latent


def test_kl_per_latent_is_the_mean_over_images() -> None:
    mu, logvar = torch.zeros(2, 5, 3), torch.zeros(2, 5, 3)
    mu[0, :, 0] = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])  # KL = mu^2 / 2
    logvar[1, :, 2] = math.log(4.0)  # KL = (4 - 1 - log 4) / 2
    expected = torch.tensor([[3.0, 0, 0], [0, 0, (3 - math.log(4.0)) / 2]])
    torch.testing.assert_close(kl_per_latent(mu, logvar), expected)


def test_active_by_kl_counts_above_a_hundredth_of_a_nat() -> None:
    kl = torch.tensor([[0.0, 0.009, 0.011, 3.0], [0.0, 0.0, 0.0, 0.0]])
    assert active_by_kl(kl).tolist() == [2, 0]


def test_active_by_variance_looks_at_the_means_alone() -> None:
    mu = torch.zeros(2, 1000, 3)
    mu[0, :, 0] = 0.2 * torch.randn(1000)  # variance 0.04
    mu[0, :, 1] = 0.05 * torch.randn(1000)  # variance 0.0025
    mu[1, :, 2] = 5.0  # a constant mean is not in use, whatever its KL
    assert active_by_variance(mu).tolist() == [1, 0]
    assert active_by_kl(kl_per_latent(mu, torch.zeros_like(mu))).tolist() == [1, 1]
