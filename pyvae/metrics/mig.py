"""The mutual information gap: whether each generating factor is told by one latent more than by any other."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pyvae.aggregate import AggregatePosterior, Estimate
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels, Rows, members_by_value, whole_numbers
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.information import (
    Estimator,
    Information,
    Protocol,
    drawn,
    information_of,
    posterior_entropies,
)
from pyvae.metrics.estimators.resampling import interval
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured
from pyvae.ops.registration import exportable
from pyvae.ops.seeds import check_seed


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
    that of the samples, with the errors of information taken as independent.

    Args:
        codes: of the data set, N posteriors or points of D latents.
        factors: [N] or [N, K], the value of each factor at each data point. A continuous factor is binned.
        estimator: "posterior" (default of codes with variances), "neighbours" (of points), "histogram".
        protocol: "disentanglement_lib" puts the means in 20 bins of equal width, whose ceiling is below 1 where a
            factor has more values: 0.896 for the factors of dSprites.
        samples: for H(z_d), and again for each value of each factor.
        seed: fixes the answer to the bit; None draws anew, of posteriors.

    Returns:
        Measured, from 0 (of posteriors the noise of the estimate may take it below) to 1; `settings` say which
        estimator. `parts` has `gaps` [K] and `information` in nats: of posteriors [K, D], each an Estimate; of points
        `information` [D, K].

    Raises:
        TypeError: as Codes and Factors.
        ValueError: as there, and for a factor with one value only, codes with one latent, or an estimator of posteriors
            for codes without logvar.
    """
    found = codes_of(codes)
    chosen = "histogram" if protocol == "disentanglement_lib" else estimator
    if (chosen is None and found.has_posteriors) or chosen == "posterior":
        return _of_posteriors(found.posterior, factors, samples, seed)
    information = information_of(
        found, factors, estimator=chosen, corrected=protocol == "paper", seed=check_seed(0 if seed is None else seed)
    )
    if information.value.shape[0] < 2:
        raise ValueError("codes must have at least 2 latents for a gap between two, got 1.")
    gaps = _gaps(information.value, information.entropies)
    return information.measured(_gap, _ceiling(information), settings={"protocol": protocol}, gaps=gaps)


def _of_posteriors(
    posterior: AggregatePosterior, factors: Factors | Labels, samples: int, seed: int | None
) -> Measured:
    about = factors_of(factors, len(posterior))
    found = gap_of(posterior, about.whole_numbers, samples, seed=seed)
    by_latents = Estimate(*(part.T for part in found.information))
    _, replicates = drawn(by_latents, np.random.default_rng(seed or 0))
    score = float(found.mig.value)
    low, high = interval(score, _gap(replicates, about.entropies), -np.inf, 1.0)
    settings = {"protocol": "paper", "estimator": "posterior", "samples": samples, "seed": seed}
    return Measured(score, low, high, 1.0, settings, {"gaps": found.gaps, "information": found.information})


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


def gap_of(
    posterior: AggregatePosterior,
    labels: Labels,
    samples: int,
    *,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> MutualInformationGap:
    """The gaps and what they are made of, as estimates."""
    if posterior.latents < 2:
        raise ValueError("posterior must have at least 2 latents for a gap between two, got 1.")
    labels = whole_numbers(labels)  # a file is read once
    entropy = _factor_entropies(labels, len(posterior)).to(posterior.device)
    marginal, conditional = posterior_entropies(posterior, labels, samples, seed=seed, generator=generator)
    information = marginal.value - conditional.value
    error = (marginal.standard_error.square() + conditional.standard_error.square()).sqrt()
    top, latent = information.topk(2, -1)
    gaps = (top[:, 0] - top[:, 1]) / entropy
    # Deviations of sums add at most; the marginal and the conditional part are independent.
    of_marginal = marginal.standard_error.expand_as(error).gather(-1, latent).sum(-1)
    of_conditional = conditional.standard_error.gather(-1, latent).sum(-1)
    gap_error = torch.hypot(of_marginal, of_conditional) / entropy
    return MutualInformationGap(
        Estimate(gaps.mean(), gap_error.mean()), Estimate(gaps, gap_error), Estimate(information, error)
    )


def _factor_entropies(labels: Labels, count: int) -> Tensor:
    """H(v_k) in nats of the values' frequencies, [K] float64."""
    entropies = []
    for k, values in enumerate(members_by_value(labels, count)):
        if len(values) < 2:
            raise ValueError(f"labels must hold at least two values of each factor, got one of factor {k}.")
        share = torch.tensor([len(members) for members in values], dtype=torch.float64, device="cpu") / count
        entropies.append(-(share * share.log()).sum())
    return torch.stack(entropies)
