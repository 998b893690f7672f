"""The formulations that pyvae's ops replace, as they are copied from repository to repository in plain torch."""

import math

import torch
from torch import Tensor


def density(z: Tensor, mu: Tensor, logvar: Tensor, dataset_size: int) -> tuple[Tensor, Tensor]:
    """(log q(z), log prod_d q(z_d)), each [M], minibatch-weighted, by the [M, M, D] tensor of log-densities."""
    rows, latents = z.shape
    z, mu, logvar = z.view(rows, 1, latents), mu.view(1, rows, latents), logvar.view(1, rows, latents)
    normalization = -0.5 * (math.log(2 * math.pi) + logvar)
    log_pairs = normalization - 0.5 * ((z - mu) ** 2 * torch.exp(-logvar))
    log_weight = math.log(rows * dataset_size)
    log_qz = torch.logsumexp(log_pairs.sum(2), dim=1) - log_weight
    log_prod_qz = (torch.logsumexp(log_pairs, dim=1) - log_weight).sum(1)
    return log_qz, log_prod_qz


def reparameterize(mu: Tensor, logvar: Tensor) -> Tensor:
    """A sample, [M, D]."""
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL from the standard normal summed over latents, [M]."""
    return -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1)


def reparameterize_moments(moments: Tensor) -> tuple[Tensor, Tensor]:
    """(sample [M, D], KL [M]) of packed moments [M, 2 D] in a half type."""
    mu, logvar = moments.float().chunk(2, 1)
    logvar = logvar.clamp(-30.0, 20.0)
    return reparameterize(mu, logvar).to(moments.dtype), gaussian_kl(mu, logvar)


def reparameterize_with_kl(mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    """(sample [M, D], KL [M])."""
    return reparameterize(mu, logvar), gaussian_kl(mu, logvar)
