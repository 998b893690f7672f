"""What studies ask of a model's posteriors beside the scores of pyvae.metrics: the KL, its parts, and a code of each
image.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from pyvae.aggregate import Estimate
from pyvae.metrics import Codes, Measured
from pyvae.ops import gaussian_kl, reparameterize
from pyvae.quantiles import NORMAL_975
from pyvae.training import Recipe, Trained
from pyvae.training.cells import stream


class Aggregate(NamedTuple):
    """The parts of the mean KL in nats: I(x; z), TC(z) = KL(q(z) || prod_d q(z_d)) and sum_d KL(q(z_d) || p(z_d))."""

    information: Measured
    total_correlation: Measured
    dimwise_kl: Measured


def aggregate(codes: Codes, *, seed: int = 0) -> Aggregate:
    """The parts of the KL by the exact aggregate posterior (Chen et al. 2018, eq. 2)."""
    parts = codes.posterior.kl_decomposition(seed=seed)
    of_all: tuple[Estimate, ...] = (parts.mutual_information, parts.total_correlation, parts.dimwise_kl_sum)
    settings = {"estimator": "exact aggregate posterior", "seed": seed}
    return Aggregate(*(_measured(float(part.value), float(part.standard_error), settings) for part in of_all))


def kl(codes: Codes) -> Measured:
    """The mean KL of the posteriors to the prior, in nats."""
    posterior = codes.posterior
    rows = torch.arange(len(posterior), device="cpu")
    mu, logvar = (table.take(rows).double() for table in (posterior.table_of_means, posterior.table_of_logvars))
    each = gaussian_kl(mu, logvar)
    error = float(each.std()) / len(each) ** 0.5 if len(each) > 1 else math.nan  # of one image nothing tells
    return _measured(float(each.mean()), error, {})


def _measured(value: float, error: float, settings: dict[str, object]) -> Measured:
    return Measured(value, value - NORMAL_975 * error, value + NORMAL_975 * error, float("inf"), settings)


class Sampled(NamedTuple):
    """One model's posteriors of images, and a code of each: [1, N, D]."""

    mu: Tensor
    logvar: Tensor
    z: Tensor


@torch.no_grad()
def sampled(recipe: Recipe, trained: Trained, k: int, images: Tensor) -> Sampled | None:
    """Of model k and images [N, size], with one code sampled for each, or its mean where codes are deterministic. None
    where codes are not finite.
    """
    mu, logvar = trained.model.select([k]).encode(images.unsqueeze(0))
    deterministic = recipe.objective.deterministic
    if not bool(mu.isfinite().all() and (deterministic or logvar.isfinite().all())):
        return None
    seed = stream([trained.cells[k]], "evaluation code")
    return Sampled(mu, logvar, mu if deterministic else reparameterize(mu, logvar, seed=seed))
