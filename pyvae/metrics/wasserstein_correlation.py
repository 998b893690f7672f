"""The Wasserstein distance between a Gaussian with the codes' covariance and one with independent latents."""

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array, spread, standardised
from pyvae.metrics.estimators.covariances import covariances, unbiased_interval
from pyvae.metrics.estimators.protocols import PROTOCOLS, Protocol, check_choice
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.measured import Measured


def wasserstein_correlation(
    codes: Codes | Rows | AggregatePosterior,
    *,
    protocol: Protocol = "paper",
    seed: int = 0,
) -> Measured:
    r"""Squared 2-Wasserstein distance of a Gaussian from the product of its marginals (Locatello et al. 2019, 5.3).

    .. math:: 2 \operatorname{tr} \Sigma - 2 \operatorname{tr} (\Lambda^{1/2} \Sigma \Lambda^{1/2})^{1/2},
        \quad \Sigma = \operatorname{cov}(z), \ \Lambda = \operatorname{diag} \Sigma

    The root is taken of eigenvalues, so that copied and constant latents do no harm. It takes no factors, and as
    gaussian_total_correlation it is blind to (x, x²). In squared units of the codes: to compare models with codes of
    other scales take `normalised` of `parts`, the distance over tr Σ.

    Args:
        codes: N codes of D latents, N >= 2.
        protocol: "disentanglement_lib" is the same number.
        seed: of the interval's rows.

    Returns:
        Measured, from 0 to what fully correlated latents of the same variances have. The interval is a bootstrap's,
        moved down by what chance adds. `parts` has `normalised` and `active` [D], the latents that are not constant.

    Raises:
        TypeError, ValueError: as Codes.means; ValueError for one point, and for variances beyond float64.
    """
    check_choice("protocol", protocol, PROTOCOLS)
    seed = check_seed(seed)
    columns = standardised(codes_of(codes).means)
    active = spread("codes", columns)
    largest = float(columns.std.max())
    with np.errstate(over="ignore"):
        unit = largest * largest  # everything else is computed in this unit
        if not np.isfinite(unit * len(active) * 4):
            raise ValueError(f"codes must have variances within float64, got a standard deviation of {largest:g}.")
    values = columns.values[:, active] * (columns.std[active] / (largest or 1.0))
    degrees = len(values) / (len(values) - 1)
    covariance = values.T @ values / len(values) * degrees
    value, total = float(_distance(covariance)), float(np.trace(covariance))
    most = 2 * total - 2 * float(np.sqrt(np.square(np.diagonal(covariance)).sum()))
    most = max(most, value)  # by rounding
    replicates = _distance(covariances(values, seed) * degrees)
    low, high = unbiased_interval(value, replicates, 0.0, most, rows=len(values))
    parts = {"normalised": value / total if total > 0 else 0.0, "active": active}
    settings = {"protocol": protocol, "units": "squared units of the codes", "seed": seed}
    return Measured(value * unit, low * unit, high * unit, most * unit, settings, parts)


def _distance(covariance: Array) -> Array:
    """Of covariances [..., D, D] -> [...]."""
    variances = np.diagonal(covariance, axis1=-2, axis2=-1)
    std = np.sqrt(np.maximum(variances, 0.0))
    inner = np.linalg.eigvalsh(covariance * std[..., :, None] * std[..., None, :])
    return np.asarray(np.maximum(2 * variances.sum(-1) - 2 * np.sqrt(np.maximum(inner, 0.0)).sum(-1), 0.0))
