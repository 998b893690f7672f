"""The mutual information gap: whether each generating factor is told by one latent more than by any other."""

from typing import NamedTuple

import torch
from torch import Tensor

from pyvae.aggregate import AggregatePosterior, Estimate
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels, Rows, members_by_value, whole_numbers
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.measured import Measured, measured
from pyvae.ops.registration import exportable
from pyvae.ops.seeds import check_seed


@exportable
class MutualInformationGap(NamedTuple):
    """`mig` [], the mean of `gaps` [K], shares of each factor's entropy; `information` [K, D], I(z_d; v_k) in nats."""

    mig: Estimate
    gaps: Estimate
    information: Estimate


def mig(
    codes: Codes | Rows | AggregatePosterior, factors: Labels, *, samples: int = SAMPLES, seed: int | None = None
) -> Measured:
    r"""MIG of a data set's posteriors and its factors (Chen et al. 2018, section 5, eq. 6).

    .. math::
        \mathrm{MIG} = \frac 1 K \sum_k \frac{I(z_{d_1}; v_k) - I(z_{d_2}; v_k)}{H(v_k)}, \qquad
        I(z_d; v_k) = H(z_d) - H(z_d | v_k)

    with d_1 and d_2 the two latents that tell most of factor k, and every entropy from the exact aggregate posterior.
    The interval is wider than 95 % needs: latents of one sample are not independent, and factors share H(z_d).

    Args:
        codes: of the data set, N posteriors of D latents.
        factors: whole numbers [N] or [N, K], the value of each factor at each data point: a tensor, an array, a list or
            the path of a .npy file. Floating ones may be, 2.0 is a whole number; a continuous factor is binned first.
        samples: for H(z_d), and again for each value of each factor.
        seed: fixes the answer to the bit.

    Returns:
        Measured, at most 1; `parts` has `gaps` [K] and `information` [K, D] in nats, each an Estimate.

    Raises:
        TypeError: as AggregatePosterior.conditional_entropies.
        ValueError: as there, and for a factor with one value only, codes with one latent, or codes without logvar.
    """
    found = gap_of(codes_of(codes).posterior, factors, samples, seed=seed)
    settings = {"entropies": "exact aggregate posterior", "samples": samples, "seed": seed}
    return measured(found.mig, 1.0, settings, gaps=found.gaps, information=found.information)


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
    if seed is not None and generator is None:
        generator, seed = torch.Generator(posterior.device).manual_seed(check_seed(seed)), None
    marginal = posterior.marginal_entropies(samples, seed=seed, generator=generator)
    conditional = posterior.conditional_entropies(labels, samples, seed=seed, generator=generator)
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
