"""Earlier names of `pyvae.metrics`, for one release."""

import torch

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels
from pyvae.deprecated import warn_of
from pyvae.metrics.mig import MutualInformationGap, gap_of


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
    return gap_of(posterior, labels, samples, seed=seed, generator=generator)
