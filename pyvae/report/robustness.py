"""Robustness of each strength of an objective to the bias of the training data, in numbers, for any study.

The robustness of a strength is its recovered information over the ceiling, a share, as a function of the bias: its
level, and its slope against the bias, compared with a reference strength seed by seed. A collapsed model has slope 0
and nothing to be robust with, so every comparison is made twice: over all biases, and over the shared ones, at which
both strengths keep at least one active latent in every seed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyvae.report.statistics import Array, Interval, slope, t_interval


@dataclass(frozen=True)
class Robustness:
    """One strength against the reference; slopes are per unit of bias."""

    strength: float
    share: Interval
    slope: Interval
    slope_gain: Interval
    """Slope minus the reference's, all biases: above 0 the share falls less steeply."""
    in_use: int
    """At how many biases this strength keeps an active latent in every seed."""
    shared: tuple[float, ...]
    """The biases at which both strengths do."""
    shared_slope_gain: Interval
    shared_share_gain: Interval


@dataclass(frozen=True)
class Verdict:
    """The strengths above the reference that can be compared with it, by what their intervals over seeds show."""

    larger: bool
    """Whether there is any strength above the reference."""
    compared: tuple[Robustness, ...]
    """Those in use at two biases or more at which the reference is, too."""

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


def verdict(rows: Sequence[Robustness], reference: float) -> Verdict:
    """What rows show of the strengths above the reference."""
    larger = [row for row in rows if row.strength > reference]
    compared = (row for row in larger if len(row.shared) > 1 and not math.isnan(row.shared_slope_gain.mean))
    return Verdict(bool(larger), tuple(compared))


def robustness(biases: Array, strengths: Array, reference: float, share: Array, active: Array) -> list[Robustness]:
    """Every strength against the reference, in the order given; the reference's gains are 0.

    Args:
        biases, strengths: [B] and [S].
        reference: one of the strengths.
        share: recovered information over the ceiling, [B, S, seeds]; NaN is no value.
        active: latents in use, of the same shape.
    """
    base = list(strengths).index(reference)
    in_use = np.nan_to_num(active, nan=0.0).min(axis=2) > 0
    rows = []
    for j, strength in enumerate(strengths):
        shared = in_use[:, j] & in_use[:, base]
        gain = share[:, j] - share[:, base]
        rows.append(
            Robustness(
                float(strength),
                _over_seeds(_seed_means(share[:, j])),
                _over_seeds(_slopes(biases, share[:, j])),
                _over_seeds(_slopes(biases, gain)),
                int(in_use[:, j].sum()),
                tuple(float(bias) for bias in biases[shared]),
                _over_seeds(_slopes(biases[shared], gain[shared])),
                _over_seeds(_seed_means(gain[shared])),
            )
        )
    return rows


def _over_seeds(values: list[float]) -> Interval:
    return t_interval(np.array(values))


def _slopes(biases: Array, values: Array) -> list[float]:
    """One slope per seed of values [B, seeds]: the slope of a difference is the difference of the slopes."""
    return [slope(biases, values[:, s]) for s in range(values.shape[1])]


def _seed_means(values: Array) -> list[float]:
    present = (column[~np.isnan(column)] for column in values.T)
    return [float(column.mean()) if len(column) else math.nan for column in present]
