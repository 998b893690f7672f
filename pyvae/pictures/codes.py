"""Codes of many images: how much each latent is in use, and where in it the images lie."""

from typing import NamedTuple

import torch
from torch import Tensor

from pyvae.aggregate import aggregate_posterior
from pyvae.metrics import kl_per_latent
from pyvae.pictures.model import AT_ONCE, Model, NothingToShow, posteriors

SAMPLES = 10_000
"""Of the aggregate posterior, whose quantiles are read off them."""


class Encoded(NamedTuple):
    """Posterior means and log variances of N images, [N, D] each; without variances codes are deterministic."""

    mu: Tensor
    logvar: Tensor | None


@torch.no_grad()
def encoded(model: Model, images: Tensor, *, deterministic: bool = False) -> Encoded:
    """The codes of images [N, ...]; of a deterministic autoencoder the means alone.

    Raises ValueError for no image and for images of another shape than the model takes, NothingToShow for codes that
    are not finite, as those of a model that has diverged.
    """
    if not len(images):
        raise ValueError("images must hold at least one image, got none")
    parts = [posteriors(model, part) for part in images.split(AT_ONCE)]
    mu, logvar = torch.cat([mu for mu, _ in parts]), torch.cat([logvar for _, logvar in parts])
    if not bool(mu.isfinite().all()) or not (deterministic or bool(logvar.isfinite().all())):
        raise NothingToShow("The model's codes are not finite: it has diverged, and there is nothing to show of it.")
    return Encoded(mu, None if deterministic else logvar)


def usage(codes: Encoded) -> Tensor:
    """How much each latent is in use, [D]: its mean KL from the prior in nats, of deterministic codes its variance."""
    if codes.logvar is None:
        return codes.mu.var(0, correction=0)
    return kl_per_latent(codes.mu, codes.logvar)


def order(codes: Encoded) -> Tensor:
    """The latents, int64 [D], the one most in use first."""
    return usage(codes).argsort(descending=True, stable=True)


def quantiles(codes: Encoded, shares: Tensor, *, samples: int = SAMPLES, seed: int = 0) -> Tensor:
    """Quantiles [D, S] of each latent under the aggregate posterior, q(z) = 1/N sum_n q(z | x_n), at shares [S].

    Read off `samples` draws of it; of deterministic codes off the codes.
    """
    z = codes.mu if codes.logvar is None else aggregate_posterior(codes.mu, codes.logvar).sample(samples, seed=seed).z
    return torch.quantile(z.double(), shares.double(), dim=0).T.to(codes.mu.dtype)
