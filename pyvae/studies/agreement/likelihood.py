"""What the decoder has a part in: reconstruction and ELBO, of codes as they are and of rotated ones.

A model with codes z' = U z, the decoder g(U^T z') and posteriors N(U mu, U Sigma U^T) is another model of the same
likelihood: reconstruction and KL are the same numbers, whatever orthogonal U is (the simplest case of
Locatello et al. 2019, theorem 1).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from pyvae.ops import gaussian_kl
from pyvae.studies.agreement.measures import rotation_matrix
from pyvae.studies.posteriors import sampled
from pyvae.training import Recipe, Trained


class Likelihood(NamedTuple):
    """Means over images in nats, each [] float64."""

    reconstruction: float
    elbo: float
    rotated_elbo: float


@torch.no_grad()
def likelihood_of(recipe: Recipe, trained: Trained, k: int, images: Tensor, seed: int) -> Likelihood | None:
    """Of model k, with one code sampled for each image; `seed` is the rotation's. None where codes are not finite."""
    found = sampled(recipe, trained, k, images)
    if found is None:
        return None
    model, x, (mu, logvar, z) = trained.model.select([k]), images.unsqueeze(0), found
    turn = torch.from_numpy(rotation_matrix(mu.shape[-1], seed))
    plain = recipe.likelihood(x, model.decode(z)).double().mean()
    turned = recipe.likelihood(x, model.decode(((z.double() @ turn.T) @ turn).float())).double().mean()
    kl = gaussian_kl(mu.double(), logvar.double()).mean()
    return Likelihood(float(plain), float(-plain - kl), float(-turned - _rotated_kl(mu[0], logvar[0], turn)))


def _rotated_kl(mu: Tensor, logvar: Tensor, turn: Tensor) -> Tensor:
    """Mean KL to N(0, I) of posteriors N(U mu, U Sigma U^T), from the full covariances [N, D, D]."""
    means = mu.double() @ turn.T
    covariances = (turn * logvar.double().exp().unsqueeze(-2)) @ turn.T
    traces = covariances.diagonal(dim1=-2, dim2=-1).sum(-1)
    each = 0.5 * (traces + means.square().sum(-1) - mu.shape[-1] - torch.linalg.slogdet(covariances).logabsdet)
    mean: Tensor = each.mean()
    return mean
