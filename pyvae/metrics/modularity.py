"""Modularity: whether each latent tells one factor alone."""

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.information import Estimator, information_of
from pyvae.metrics.estimators.protocols import Protocol, check_estimator_is_free, follows_library
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured


def modularity(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    estimator: Estimator | None = None,
    protocol: Protocol = "paper",
    samples: int = SAMPLES,
    seed: int = 0,
) -> Measured:
    r"""Modularity of Ridgeway and Mozer (2018), section 3.

    .. math:: \frac 1 D \sum_d 1 - \frac{\sum_{k \ne k_d} I(z_d; v_k)^2}{(K - 1)\, I(z_d; v_{k_d})^2}

    with k_d the factor that latent d tells most of. A latent that tells nothing of any counts as 0, and takes a perfect
    code of five factors to 5/6; `of_active` leaves such latents out. Of points noise makes such a latent score whatever
    it will: its interval says so. Of posteriors it counts as 0 that has collapsed, and one that tells 1e-5 nats, as
    chance among N points will have it, scores by what these are about.

    Args:
        codes: N posteriors or points of D latents.
        factors: [N] or [N, K]. A continuous factor is binned. Of one factor alone each latent that tells of it has 1.
        estimator: as for `mig`.
        protocol: "disentanglement_lib" puts the means in 20 bins of equal width.
        samples: of posteriors, how many are drawn.
        seed: fixes the answer to the bit.

    Returns:
        Measured, from 0 to 1. `parts` has `scores` [D], `active` [D], `of_active` and `information` [D, K], nats.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value.
    """
    by_library = follows_library(protocol)
    check_estimator_is_free(protocol, estimator)
    chosen: Estimator | None = "histogram" if by_library else estimator
    information = information_of(codes, factors, estimator=chosen, corrected=not by_library, samples=samples, seed=seed)
    scores, active = _scores(information.value), information.active
    of_active = float(scores[active].mean()) if active.any() else 0.0
    settings = {"protocol": protocol}
    return information.measured(_score, 1.0, settings=settings, scores=scores, active=active, of_active=of_active)


def _scores(information: Array) -> Array:
    """Of each latent, [..., D, K] -> [..., D]."""
    squared = np.square(np.maximum(information, 0.0))
    largest = squared.max(-1)
    others = np.where(largest > 0, (squared.sum(-1) - largest) / np.where(largest > 0, largest, 1.0), 0.0)
    return np.asarray(np.where(largest > 0, 1 - others / max(1, information.shape[-1] - 1), 0.0))


def _score(information: Array, entropies: Array) -> Array:
    return np.asarray(_scores(information).mean(-1))
