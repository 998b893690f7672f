"""The total correlation that a Gaussian with the codes' covariance has."""

import math

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array, spread, standardised
from pyvae.metrics.estimators.covariances import covariances, unbiased_interval
from pyvae.metrics.estimators.protocols import Protocol, follows_library
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.measured import Measured

# A correlation matrix whose least eigenvalue is below this times D is singular to rounding.
SINGULAR = 1e-13


def gaussian_total_correlation(
    codes: Codes | Rows | AggregatePosterior,
    *,
    protocol: Protocol = "paper",
    seed: int = 0,
) -> Measured:
    r"""Total correlation in nats of a Gaussian with the covariance of the codes (Locatello et al. 2019).

    .. math:: -\tfrac 12 \log\det R, \quad R \text{ the correlation matrix of the latents that vary}

    It takes no factors. 0 says that no latent is linearly related to others and not that latents are independent: of
    the latents (x, x²) with a symmetric x it is 0. A latent's scale does not matter.

    Args:
        codes: N codes of D latents, N >= 2.
        protocol: "disentanglement_lib" refuses constant latents, of which that library returns NaN; all else is equal.
        seed: of the interval's rows.

    Returns:
        Measured, from 0, unbounded; 0 where fewer than two latents vary. The interval is a bootstrap's, moved down by
        what chance adds. `parts` has `active` [D], the latents that are not constant, and `correlation`, theirs.

    Raises:
        TypeError, ValueError: as Codes.means; ValueError for one point, and where a latent is a linear combination of
            others, such as a copy: there it is infinite.
    """
    seed = check_seed(seed)
    columns = standardised(codes_of(codes).means)
    active = spread("codes", columns)
    if follows_library(protocol) and not active.all():
        constant = int(np.flatnonzero(~active)[0])
        raise ValueError(
            f"codes must have no constant latent for disentanglement_lib's protocol, got latent {constant}."
        )
    values = columns.values[:, active]
    correlation = values.T @ values / len(values)
    if active.any() and np.linalg.eigvalsh(correlation)[0] < SINGULAR * len(correlation):
        raise ValueError(
            f"codes must have no latent that is a linear combination of others, got {len(correlation)} latents of rank "
            f"{np.linalg.matrix_rank(correlation, hermitian=True)}: their Gaussian total correlation is infinite."
        )
    value = float(total_correlation(correlation))
    replicates = total_correlation(covariances(values, seed))
    low, high = unbiased_interval(value, replicates, 0.0, math.inf, rows=len(values))
    settings = {"protocol": protocol, "seed": seed}
    return Measured(value, low, high, math.inf, settings, {"active": active, "correlation": correlation})


def total_correlation(covariance: Array) -> Array:
    """In nats, of covariances [..., D, D] -> [...]; infinite where one is singular."""
    with np.errstate(divide="ignore", invalid="ignore"):
        variances = np.log(np.diagonal(covariance, axis1=-2, axis2=-1)).sum(-1)
        found = (variances - np.linalg.slogdet(covariance)[1]) / 2
    return np.asarray(np.maximum(np.where(np.isnan(found), math.inf, found), 0.0))
