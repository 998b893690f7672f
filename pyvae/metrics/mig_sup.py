"""MIG-sup: whether each latent tells one factor more than any other; MIG seen from the latents."""

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.information import Estimator, gap_between_factors, information_of
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured


def mig_sup(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    estimator: Estimator | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Measured:
    r"""MIG-sup of Li et al. (2020, arXiv 2002.10549).

    .. math:: \frac 1 D \sum_d \max_k \frac{I(z_d; v_k)}{H(v_k)} - \text{the next largest}

    A latent that holds two factors lowers it, which MIG does not notice; a factor spread over two latents does not. A
    latent that holds nothing counts as 0: `of_active` leaves such latents out.

    Args:
        codes: N posteriors or points of D latents.
        factors: [N] or [N, K]. A continuous factor is binned. Of one factor alone the next largest is 0.
        estimator: as for `mig`.
        samples: of posteriors, how many are drawn.
        seed: fixes the answer to the bit.

    Returns:
        Measured, from 0 to the ceiling. `parts` has `gaps` [D], `active` [D], `of_active` and `information` [D, K].

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value.
    """
    information = information_of(codes, factors, estimator=estimator, samples=samples, seed=seed)
    gaps = gap_between_factors(information.value / information.entropies)
    active = information.active
    of_active = float(gaps[active].mean()) if active.any() else 0.0
    return information.measured(_score, information.ceiling(_score), gaps=gaps, active=active, of_active=of_active)


def _score(information: Array, entropies: Array) -> Array:
    shares = information / np.maximum(entropies, 1e-300)[..., None, :]
    return np.asarray(gap_between_factors(shares).mean(-1))
