"""JEMMIG: MIG with a price for what the best latent holds beside its factor."""

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.histogram import Bins
from pyvae.metrics.estimators.information import information_of
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured

BINS = 20


def jemmig(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    bins: int = BINS,
    kind: Bins = "equal shares",
    seed: int = 0,
) -> Measured:
    r"""Normalised JEMMIG of Do and Tran (2020, arXiv 1908.09961), section 4.3.

    .. math::
        \frac 1 K \sum_k 1 - \frac{H(v_k, z^*) - I(v_k; z^*) + I(v_k; z^\circ)}{H(v_k) + \log B}

    with z^* the latent that tells most of factor k and z^° the next, in B bins: a differential entropy of z^* could be
    negative. Bins of equal shares leave the score as it is under monotone maps of a latent.

    Args:
        codes: N codes of D latents, by their means.
        factors: [N] or [N, K]. A continuous factor is binned.
        bins: B, at least 2.
        kind: "equal shares", or "equal width" between the least and the greatest value.
        seed: of the interval's rows.

    Returns:
        Measured, from 0 to the ceiling, which the factors themselves have as codes. `parts` has `jemmig` [K], what is
        above the fraction's bar, in nats, the lower the better, and `information` [D, K].

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value, one bin, or one latent.
    """
    information = information_of(codes, factors, estimator="histogram", bins=bins, kind=kind, seed=seed)
    if information.value.shape[0] < 2:
        raise ValueError("codes must have at least 2 latents for a gap between two, got 1.")

    def score(value: Array, entropies: Array, latents: Array) -> Array:
        most = entropies + np.log(bins)
        return np.asarray((1 - _terms(value, entropies, latents) / most).mean(-1))

    assert information.latent_entropies is not None
    terms = _terms(information.value, information.entropies, information.latent_entropies)
    ceiling = information.ceiling(score, latent_entropies=True)
    return information.measured(score, ceiling, latent_entropies=True, jemmig=terms)


def _terms(information: Array, entropies: Array, latents: Array) -> Array:
    """H(v, z*) - I(v; z*) + I(v; z°) of each factor: [..., D, K], [..., K] and [..., D] -> [..., K]."""
    order = np.sort(information, -2)
    own = np.take_along_axis(latents, information.argmax(-2), -1)
    return np.asarray(entropies + own - 2 * order[..., -1, :] + (order[..., -2, :] if order.shape[-2] > 1 else 0.0))
