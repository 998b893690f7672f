"""The mutual information gap: whether each generating factor is told by one latent more than by any other."""

from typing import NamedTuple

import numpy as np

from pyvae.aggregate import AggregatePosterior, Estimate
from pyvae.aggregate.estimate import mean_of
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.information import Estimator, Information, information_of
from pyvae.metrics.estimators.posteriors import Terms, terms_of
from pyvae.metrics.estimators.protocols import Protocol, check_estimator_is_free, follows_library
from pyvae.metrics.estimators.resampling import interval, resampled
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured
from pyvae.ops.arguments import whole
from pyvae.ops.registration import exportable


@exportable
class MutualInformationGap(NamedTuple):
    """`mig` [], the mean of `gaps` [K], shares of each factor's entropy; `information` [K, D], I(z_d; v_k) in nats."""

    mig: Estimate
    gaps: Estimate
    information: Estimate


def mig(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    estimator: Estimator | None = None,
    protocol: Protocol = "paper",
    samples: int = SAMPLES,
    seed: int | None = 0,
) -> Measured:
    r"""MIG of a data set's codes and its factors (Chen et al. 2018).

    .. math::
        \mathrm{MIG} = \frac 1 K \sum_k \frac{I(z_{d_1}; v_k) - I(z_{d_2}; v_k)}{H(v_k)}, \qquad
        I(z_d; v_k) = H(z_d) - H(z_d | v_k)

    with d_1 and d_2 the two latents that tell most of factor k. Of posteriors every entropy is that of the exact
    aggregate posterior, and the score is the same under affine maps of the latents. Of points, the means, information
    comes by nearest neighbours on ranks, and the score is the same under monotone maps. The interval of posteriors is
    that of the samples, which all latents and factors share.

    Args:
        codes: of the data set, N posteriors or points of D latents.
        factors: [N] or [N, K], the value of each factor at each data point. A continuous factor is binned.
        estimator: "posterior" (default of codes with variances), "neighbours" (of points), "histogram".
        protocol: "disentanglement_lib" puts the means in 20 bins of equal width, whose ceiling is below 1 where a
            factor has more values: 0.896 for 10 000 points with dSprites' factors.
        samples: of the aggregate posterior.
        seed: fixes the answer to the bit; None draws anew, of posteriors.

    Returns:
        Measured, from 0 (of posteriors the noise of the estimate may take it below) to 1; `settings` say which
        estimator. `parts` has `gaps` [K] and `information` [D, K] in nats, of posteriors each an Estimate.

    Raises:
        TypeError: as Codes and Factors.
        ValueError: as there, and for a factor with one value only, codes with one latent, or an estimator of posteriors
            for codes without logvar, and fewer than 2 samples.
    """
    found = codes_of(codes)
    by_library = follows_library(protocol)
    check_estimator_is_free(protocol, estimator)
    chosen = "histogram" if by_library else estimator
    seed, samples = None if seed is None else check_seed(seed), whole("samples", samples, least=2)
    if (chosen is None and found.has_posteriors) or chosen == "posterior":
        return _of_posteriors(found.posterior, factors_of(factors, len(found)), samples, seed)
    information = information_of(found, factors, estimator=chosen, corrected=not by_library, seed=seed or 0)
    _check_latents(len(information.value))
    gaps = _gaps(information.value, information.entropies)
    return information.measured(_gap, _ceiling(information), settings={"protocol": protocol}, gaps=gaps)


def _of_posteriors(posterior: AggregatePosterior, factors: Factors, samples: int, seed: int | None) -> Measured:
    """By terms of its own: those of `information_of` measure faint information too, which takes nearly twice the time,
    and which a gap between two latents does not ask for.
    """
    _check_latents(posterior.latents)
    factors.check_varied()
    terms = terms_of(posterior, factors.whole_numbers, samples, faint=False, seed=seed)
    found = gaps_of(terms)
    replicates = resampled(terms.of_factors.cpu().numpy(), seed or 0)
    score = float(found.mig.value)
    drawn = _gap(replicates.swapaxes(-2, -1), terms.entropies.cpu().numpy())
    low, high = interval(score, drawn, -np.inf, 1.0, rows=len(terms.of_factors))
    settings = {"protocol": "paper", "estimator": "posterior", "samples": samples, "seed": seed}
    information = Estimate(*(part.mT for part in found.information))
    return Measured(score, low, high, 1.0, settings, {"gaps": found.gaps, "information": information})


def _check_latents(count: int) -> None:
    if count < 2:
        raise ValueError("codes must have at least 2 latents for a gap between two, got 1.")


def _gaps(information: Array, entropies: Array) -> Array:
    """Of [..., D, K] and [..., K] -> [..., K]."""
    top = np.sort(information, -2)
    second = top[..., -2, :] if top.shape[-2] > 1 else 0.0  # as of the one factor that is its own code
    return np.asarray((top[..., -1, :] - second) / np.maximum(entropies, 1e-300))


def _gap(information: Array, entropies: Array) -> Array:
    return np.asarray(_gaps(information, entropies).mean(-1))


def _ceiling(information: Information) -> float:
    """What the factors themselves have as codes: below 1 where bins merge their values."""
    return information.ceiling(_gap)


def gaps_of(terms: Terms) -> MutualInformationGap:
    """The gaps and what they are made of, as estimates."""
    information = mean_of(terms.of_factors)
    best = information.value.topk(2, -1).indices.expand(len(terms.of_factors), -1, -1)
    top = terms.of_factors.gather(-1, best)
    gaps = (top[..., 0] - top[..., 1]) / terms.entropies
    return MutualInformationGap(mean_of(gaps.mean(-1)), mean_of(gaps), information)
