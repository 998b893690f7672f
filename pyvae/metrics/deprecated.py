"""Earlier names of `pyvae.metrics`, for one release."""

import torch

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels
from pyvae.deprecated import warn_of
from pyvae.metrics.estimators.posteriors import terms_of
from pyvae.metrics.mig import MutualInformationGap, gaps_of


def mutual_information_gap(
    posterior: AggregatePosterior,
    labels: Labels,
    samples: int = SAMPLES,
    *,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> MutualInformationGap:
    """`mig` as three estimates."""
    warn_of("metrics.mutual_information_gap(posterior, labels)", "metrics.mig(codes, factors)")
    if posterior.latents < 2:
        raise ValueError("posterior must have at least 2 latents for a gap between two, got 1.")
    terms = terms_of(posterior, labels, samples, faint=False, seed=seed, generator=generator)
    for k, entropy in enumerate(terms.entropies.tolist()):
        if entropy == 0:
            raise ValueError(f"labels must hold at least two values of each factor, got one of factor {k}.")
    return gaps_of(terms)
