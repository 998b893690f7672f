"""Robustness of each beta to the bias of the training data, in numbers.

The robustness of a beta is its recovered information over the ceiling as a function of mu: its level, and its
slope against mu, compared with the reference beta (1) seed by seed. A collapsed model has slope 0 and nothing
to be robust with, so every comparison is made twice: over all mu, and over the shared mu, at which both betas
keep at least one active latent in every seed.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyvae.report.statistics import Interval, slope, t_interval
from pyvae.studies.biased_grid.results import Results

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Robustness:
    """One beta against the reference; shares are recovered information over the ceiling, slopes are per
    unit of mu.
    """

    beta: float
    share: Interval
    slope: Interval
    slope_gain: Interval
    """Slope minus the reference's, all mu: above 0 the share falls less steeply."""
    in_use: int
    """At how many mu this beta keeps an active latent in every seed."""
    shared: tuple[float, ...]
    """The mu at which both betas do."""
    shared_slope_gain: Interval
    shared_share_gain: Interval


@dataclass(frozen=True)
class Verdict:
    """The betas above the reference that can be compared with it, sorted by what their intervals over seeds show."""

    larger: bool
    """Whether the study has any beta above the reference."""
    compared: tuple[Robustness, ...]
    """Those in use at two values of mu or more at which the reference is, too."""

    @property
    def bought(self) -> list[Robustness]:
        """Those whose share falls less steeply, and is not lower."""
        return [row for row in self.flatter if not row.shared_share_gain.below_zero]

    @property
    def traded(self) -> list[Robustness]:
        """Those whose share falls less steeply, and is lower."""
        return [row for row in self.flatter if row.shared_share_gain.below_zero]

    @property
    def flatter(self) -> list[Robustness]:
        return [row for row in self.compared if row.shared_slope_gain.above_zero]

    @property
    def steeper(self) -> list[Robustness]:
        return [row for row in self.compared if row.shared_slope_gain.below_zero]

    @property
    def unsettled(self) -> list[Robustness]:
        """Those of which several seeds cannot tell."""
        return [row for row in self.compared if row.shared_slope_gain.undecided]

    @property
    def open(self) -> bool:
        """Whether several seeds leave the question open."""
        return bool(self.unsettled) and not self.flatter


def verdict(results: Results) -> Verdict:
    """What the study shows of the betas above the reference."""
    larger = [row for row in robustness(results) if row.beta > results.reference]
    compared = (row for row in larger if len(row.shared) > 1 and not math.isnan(row.shared_slope_gain.mean))
    return Verdict(bool(larger), tuple(compared))


def robustness(results: Results) -> list[Robustness]:
    """Every beta of the study against the reference, in ascending order; the reference's gains are 0."""
    share, active = results.fraction_recovered(), results.active()
    reference = list(results.betas).index(results.reference)
    in_use = np.nan_to_num(active, nan=0.0).min(axis=2) > 0
    rows = []
    for j, beta in enumerate(results.betas):
        shared = in_use[:, j] & in_use[:, reference]
        gain = share[:, j] - share[:, reference]
        rows.append(
            Robustness(
                float(beta),
                _over_seeds(_seed_means(share[:, j])),
                _over_seeds(_slopes(results.mus, share[:, j])),
                _over_seeds(_slopes(results.mus, gain)),
                int(in_use[:, j].sum()),
                tuple(float(mu) for mu in results.mus[shared]),
                _over_seeds(_slopes(results.mus[shared], gain[shared])),
                _over_seeds(_seed_means(gain[shared])),
            )
        )
    return rows


def _over_seeds(values: list[float]) -> Interval:
    return t_interval(np.array(values))


def _slopes(mus: Array, values: Array) -> list[float]:
    """One slope per seed of values [mus, seeds]: the slope of a difference is the difference of the
    slopes.
    """
    return [slope(mus, values[:, s]) for s in range(values.shape[1])]


def _seed_means(values: Array) -> list[float]:
    present = (column[~np.isnan(column)] for column in values.T)
    return [float(column.mean()) if len(column) else math.nan for column in present]
