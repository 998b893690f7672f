"""Minimality: whether what a latent holds is one factor and nothing else."""

import numpy as np
import numpy.typing as npt
import torch

from pyvae.aggregate import AggregatePosterior, Estimate
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.information import Estimator, Information, information_of
from pyvae.metrics.estimators.latents import is_active
from pyvae.metrics.estimators.pruning import Pruning, unpruned
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured

BINS = 15


def minimality(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    bins: int = BINS,
    pruning: Pruning = "range",
    samples: int = SAMPLES,
    seed: int = 0,
) -> Measured:
    r"""Minimality (arXiv 2408.07016v3): the share of what a latent holds that is about one factor.

    .. math:: \frac 1 {|A|} \sum_{d \in A} \max_k \frac{I(v_k; z_d)}{H(z_d)}

    over the latents A that are in use. It is defined, and can be 1, where factors depend on each other. Of points
    latents are put in `bins` of equal width, whose entropy is H(z_d). Of posteriors I(x; z_d), what the latent holds of
    the data, stands in its place, and every information is that of the exact aggregate posterior.

    Args:
        codes: N posteriors or points of D latents.
        factors: [N] or [N, K]. A continuous factor is binned.
        bins: of points, at least 2.
        pruning: of points, which latents are in use: "range" those whose range is more than a twentieth of the widest,
            "iqr" those whose interquartile range is more than a tenth of the widest, None those that vary. Of
            posteriors those with 0.01 nats of the data (`active_latents`).
        samples: of posteriors, how many are drawn.
        seed: fixes the answer to the bit.

    Returns:
        Measured, from 0 to 1; 0 without a latent in use. `parts` has
        `shares` [D], `active` [D] and `information` [D, K] in nats.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value, one bin, or another
            pruning.
    """
    found, about = codes_of(codes), factors_of(factors, len(codes_of(codes)))
    estimator: Estimator = "posterior" if found.has_posteriors else "histogram"
    information = information_of(found, about, estimator=estimator, bins=bins, samples=samples, seed=seed)
    if found.has_posteriors:
        active, settings = _active(information), {"in use": "at least 0.01 nats of the data"}
    else:
        active, settings = unpruned(found.means, pruning), {"in use": f"pruning by {pruning}"}

    def score(value: Array, entropies: Array, latents: Array) -> Array:
        shares = _shares(value, latents)
        return np.asarray(shares[..., active].mean(-1) if active.any() else np.zeros(shares.shape[:-1]))

    assert information.latent_entropies is not None
    shares = _shares(information.value, information.latent_entropies)
    return information.measured(score, 1.0, latent_entropies=True, settings=settings, shares=shares, active=active)


def _shares(information: Array, latents: Array) -> Array:
    """Of each latent, [..., D, K] and [..., D] -> [..., D]; 0 of one that holds nothing."""
    most = np.maximum(information, 0.0).max(-1)
    return np.asarray(np.where(latents > 0, np.minimum(1.0, most / np.where(latents > 0, latents, 1.0)), 0.0))


def _active(information: Information) -> npt.NDArray[np.bool_]:
    """Which latents hold something of the data, [D]."""
    assert information.latent_entropies is not None and information.latent_entropy_replicates is not None
    found = information.latent_entropies, information.latent_entropy_replicates.std(0)
    return np.asarray(is_active(Estimate(*map(torch.from_numpy, found))).numpy())
