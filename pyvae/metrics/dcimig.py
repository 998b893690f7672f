"""DCIMIG: a gap between factors for each latent, of which each factor keeps its best."""

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.information import Estimator, gap_between_factors, information_of
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured


def dcimig(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    estimator: Estimator | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Measured:
    r"""DCIMIG, or 3CharM, of Sepliarskaia et al. (2019, arXiv 1910.05587).

    .. math::
        \frac{\sum_k \max_{d: k_d = k} \Delta_d}{\sum_k H(v_k)}, \qquad
        \Delta_d = I(z_d; v_{k_d}) - \max_{k \ne k_d} I(z_d; v_k)

    with k_d the factor that latent d tells most of. A factor that no latent prefers adds 0.

    Args:
        codes: N posteriors or points of D latents.
        factors: [N] or [N, K]. A continuous factor is binned.
        estimator: as for `mig`.
        samples: of posteriors, how many are drawn.
        seed: fixes the answer to the bit.

    Returns:
        Measured, from 0 to the ceiling. `parts` has `best` [K] in nats and `information` [D, K].

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value.
    """
    information = information_of(codes, factors, estimator=estimator, samples=samples, seed=seed)
    return information.measured(_score, information.ceiling(_score), best=_best(information.value))


def _best(information: Array) -> Array:
    """The largest gap among the latents that prefer each factor, [..., D, K] -> [..., K]."""
    gaps, preferred = gap_between_factors(information), information.argmax(-1)
    mine = preferred[..., None] == np.arange(information.shape[-1])
    return np.asarray(np.where(mine, gaps[..., None], 0.0).max(-2))


def _score(information: Array, entropies: Array) -> Array:
    return np.asarray(_best(information).sum(-1) / entropies.sum(-1))
