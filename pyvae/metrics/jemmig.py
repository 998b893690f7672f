"""JEMMIG: MIG with a price for what the best latent holds beside its factor."""

from dataclasses import replace
from typing import Literal

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.histogram import Bins, binned, surprise
from pyvae.metrics.estimators.information import Information, information_of
from pyvae.metrics.estimators.resampling import resampled
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured

BINS = 20


def jemmig(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    estimator: Literal["neighbours", "histogram"] = "neighbours",
    bins: int = BINS,
    kind: Bins = "equal shares",
    seed: int = 0,
) -> Measured:
    r"""Normalised JEMMIG of Do and Tran (2020, arXiv 1908.09961).

    .. math::
        \frac 1 K \sum_k 1 - \frac{H(z^*) + H(v_k | z^*) - I(v_k; z^*) + I(v_k; z^\circ)}{H(v_k) + \log B}

    with z^* the latent that tells most of factor k and z^° the next; the first two terms are the paper's H(v_k, z^*).
    H(z^*) is that of z^* in B bins, since a differential entropy could be negative, or I(v_k; z^*) where that is more:
    a latent holds no less than it tells. Bins of equal shares leave the score as it is under monotone maps of a latent,
    and the information by nearest neighbours knows of no bins: of bins with equal shares it would depend on whether an
    edge happens to lie where two values of a factor part.

    Args:
        codes: N codes of D latents, by their means.
        factors: [N] or [N, K]. A continuous factor is binned.
        estimator: of the information: "neighbours", or "histogram" of the bins, which cannot tell more values apart.
        bins: B, at least 2.
        kind: "equal shares", or "equal width" between the least and the greatest value.
        seed: of the interval's rows.

    Returns:
        Measured, from 0 to the ceiling, which the factors themselves have as codes. `parts` has `jemmig` [K], what is
        above the fraction's bar, in nats, the lower the better, and `information` [D, K].

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value, one bin, one latent,
            another estimator, and where a value of a factor occurs once and "neighbours" is asked for.
    """
    information = _information(codes, factors, estimator, bins, kind, seed)
    if information.value.shape[0] < 2:
        raise ValueError("codes must have at least 2 latents for a gap between two, got 1.")

    def score(value: Array, entropies: Array, latents: Array) -> Array:
        most = entropies + np.log(bins)
        return np.asarray((1 - _terms(value, entropies, latents) / most).mean(-1))

    assert information.latent_entropies is not None
    terms = _terms(information.value, information.entropies, information.latent_entropies)
    ceiling = information.ceiling(score, latent_entropies=True)
    return information.measured(score, ceiling, latent_entropies=True, jemmig=terms)


def _information(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    estimator: Literal["neighbours", "histogram"],
    bins: int,
    kind: Bins,
    seed: int,
) -> Information:
    """By the estimator, with the entropies of latents in bins."""
    if estimator not in ("neighbours", "histogram"):
        raise ValueError(f"estimator must be neighbours or histogram, got {estimator!r}.")
    found, about = codes_of(codes), factors_of(factors, len(codes_of(codes)))
    information = information_of(found, about, estimator=estimator, bins=bins, kind=kind, seed=seed)
    if estimator == "histogram":
        return information
    terms = np.stack([surprise(binned(column, bins, kind)) for column in found.means.T], 1)
    return replace(
        information,
        settings={**information.settings, "bins": f"{bins} of {kind}"},
        latent_entropies=terms.mean(0),
        latent_entropy_replicates=resampled(terms, seed),
    )


def _terms(information: Array, entropies: Array, latents: Array) -> Array:
    """H(v, z*) - I(v; z*) + I(v; z°) of each factor: [..., D, K], [..., K] and [..., D] -> [..., K]."""
    order = np.sort(information, -2)
    best, second = order[..., -1, :], order[..., -2, :] if order.shape[-2] > 1 else 0.0
    own = np.maximum(np.take_along_axis(latents, information.argmax(-2), -1), best)
    return np.asarray(entropies + own - 2 * best + second)
