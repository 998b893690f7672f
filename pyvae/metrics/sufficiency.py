"""Sufficiency: whether each factor is told in full by a single latent."""

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.information import Estimator, information_of
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured
from pyvae.metrics.minimality import BINS


def sufficiency(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    bins: int = BINS,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Measured:
    r"""Sufficiency (arXiv 2408.07016v3): the share of a factor that its best latent tells.

    .. math:: \frac 1 K \sum_k \max_d \frac{I(v_k; z_d)}{H(v_k)}

    It is defined, and can be 1, where factors depend on each other. Of points latents are put in `bins` of equal width,
    which cannot tell more values apart: the ceiling says so. Of posteriors every information is that of the exact
    aggregate posterior.

    Args:
        codes: N posteriors or points of D latents.
        factors: [N] or [N, K]. A continuous factor is binned.
        bins: of points, at least 2.
        samples: of posteriors, how many are drawn.
        seed: fixes the answer to the bit.

    Returns:
        Measured, from 0 to the ceiling, which the factors have as codes. `parts` has `shares` [K] and `information`
        [D, K] in nats.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value or one bin.
    """
    found = codes_of(codes)
    estimator: Estimator = "posterior" if found.has_posteriors else "histogram"
    information = information_of(found, factors, estimator=estimator, bins=bins, samples=samples, seed=seed)
    shares = _shares(information.value, information.entropies)
    return information.measured(_score, information.ceiling(_score), shares=shares)


def _shares(information: Array, entropies: Array) -> Array:
    return np.asarray(np.clip(information.max(-2) / np.maximum(entropies, 1e-300), 0.0, 1.0))


def _score(information: Array, entropies: Array) -> Array:
    return np.asarray(_shares(information, entropies).mean(-1))
