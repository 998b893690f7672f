"""Robustness of each strength of an objective to the bias of the training data, in numbers, for any study.

The robustness of a strength is its recovered information over the ceiling, a share, as a function of the bias: its
level, and its slope against the bias, compared with those of a reference strength. Models of two strengths are
independent, whatever their seeds, so each seed gives a slope and a level, and two strengths are two groups of them. A
collapsed model has slope 0 and nothing to be robust with, so every comparison is made twice: over all biases, and over
the shared ones, at which both strengths keep at least one active latent in every seed. One active latent is little:
how many each has is compared, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from pyvae.report.statistics import LEVEL, Array, Interval, seed_means, simultaneous, slope, t_interval, welch_interval

MARGIN = 0.05
"""Of the ceiling: a share that is surely less than this below another counts as no lower."""


class Finding(Enum):
    """What the intervals of one strength show of it beside the reference: exactly one of these."""

    BOUGHT = "holds up better, and surely is within the margin"
    THINNED = "the same, with clearly fewer latents in use"
    LEVEL_OPEN = "holds up better, and may or may not be lower"
    TRADED = "holds up better, and surely is lower"
    STEEPER = "holds up worse"
    UNDECIDED = "the interval of its slope holds that of the reference"
    UNKNOWN = "no interval"


BOUGHT = (Finding.BOUGHT, Finding.THINNED)
OPEN = (Finding.LEVEL_OPEN, Finding.UNDECIDED, Finding.UNKNOWN)
"""Of which the seeds cannot tell."""


@dataclass(frozen=True)
class Ends:
    """Mean numbers of active latents at the smallest and the largest shared bias; NaN where none is shared."""

    first: float
    last: float


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
    shared_active_gain: Interval
    """The mean number of active latents less the reference's."""
    active: Ends
    reference_active: Ends

    @property
    def comparable(self) -> bool:
        """Whether there is a slope to compare."""
        return len(self.shared) > 1 and not math.isnan(self.shared_slope_gain.mean)

    @property
    def thinned(self) -> bool:
        """Whether clearly fewer latents are in use: by the interval, or where no seed of either strength differs from
        another by the plain numbers.
        """
        gain = self.shared_active_gain
        return gain.below_zero or (gain.same and gain.mean < 0)

    @property
    def finding(self) -> Finding:
        """What the intervals show."""
        steepness, level = self.shared_slope_gain, self.shared_share_gain
        if not steepness.known:
            return Finding.UNKNOWN
        if steepness.undecided:
            return Finding.UNDECIDED
        if steepness.below_zero:
            return Finding.STEEPER
        if level.above(-MARGIN):
            return Finding.THINNED if self.thinned else Finding.BOUGHT
        return Finding.TRADED if level.below_zero else Finding.LEVEL_OPEN


@dataclass(frozen=True)
class Verdict:
    """The strengths above the reference that can be compared with it, by what their intervals over seeds show."""

    larger: bool
    """Whether there is any strength above the reference."""
    compared: tuple[Robustness, ...]
    """Those in use at two biases or more at which the reference is, too."""

    def those(self, *findings: Finding) -> list[Robustness]:
        """The compared strengths of some findings."""
        return [row for row in self.compared if row.finding in findings]

    @property
    def open(self) -> bool:
        """Whether several seeds leave the question open."""
        return bool(self.compared) and answer_of([row.finding for row in self.compared]) is Answered.OPEN


class Answered(Enum):
    """The first words of a verdict."""

    YES = "Yes"
    IN_PART = "Yes, in part"
    OPEN = "Not shown"
    NO = "No"


def answer_of(findings: Sequence[Finding]) -> Answered:
    """Whether a larger strength buys robustness, by all that was found (one at least): "no" only where nothing is
    open.
    """
    bought = [finding in BOUGHT for finding in findings]
    if any(bought):
        return Answered.YES if all(bought) else Answered.IN_PART
    return Answered.OPEN if any(finding in OPEN for finding in findings) else Answered.NO


def verdict(rows: Sequence[Robustness], reference: float) -> Verdict:
    """What rows show of the strengths above the reference."""
    larger = [row for row in rows if row.strength > reference]
    return Verdict(bool(larger), tuple(row for row in larger if row.comparable))


def robustness(
    biases: Array, strengths: Array, reference: float, share: Array, active: Array, *, comparisons: int = 1
) -> list[Robustness]:
    """Every strength against the reference, in the order given; the reference's gains are 0.

    Each interval of a slope or a share is right in 95 of 100 studies; with comparisons, how many a verdict speaks of,
    those of all of them at once. A verdict says of a strength whether its slope is larger or smaller, and only of a
    larger one whether its share is lower or within the margin. Whatever the truth, each strength is misjudged no more
    often than one interval misses: where the slope does not differ only if the interval of slopes misses, and else if
    that misses on the wrong side, or the one of shares does on one of its sides.

    Args:
        biases, strengths: [B] and [S].
        reference: one of the strengths.
        share: recovered information over the ceiling, [B, S, seeds]; NaN is no value.
        active: latents in use, of the same shape.
        comparisons: how many intervals are to hold at once. Numbers of active latents are compared one by one: who is
            warned of a partial collapse once too often loses nothing.
    """
    base = list(strengths).index(reference)
    in_use = np.nan_to_num(active, nan=0.0).min(axis=2) > 0
    level = simultaneous(comparisons)
    rows = []
    for j, strength in enumerate(strengths):
        shared, itself = in_use[:, j] & in_use[:, base], j == base
        slopes = _slopes(biases, share[:, j]), _slopes(biases, share[:, base])
        own, other = share[shared, j], share[shared, base]
        own_active, other_active = active[shared, j], active[shared, base]
        shared_slopes = _slopes(biases[shared], own), _slopes(biases[shared], other)
        shared_shares = seed_means(own), seed_means(other)
        shared_active = seed_means(own_active), seed_means(other_active)
        rows.append(
            Robustness(
                float(strength),
                share=t_interval(seed_means(share[:, j])),
                slope=t_interval(slopes[0]),
                slope_gain=_gain(slopes, level, itself),
                in_use=int(in_use[:, j].sum()),
                shared=tuple(float(bias) for bias in biases[shared]),
                shared_slope_gain=_gain(shared_slopes, level, itself),
                shared_share_gain=_gain(shared_shares, level, itself),
                shared_active_gain=_gain(shared_active, LEVEL, itself),
                active=_ends(own_active),
                reference_active=_ends(other_active),
            )
        )
    return rows


def _gain(pair: tuple[Array, Array], level: float, itself: bool) -> Interval:
    """The first strength less the second, by a number for each seed; of one less itself 0, for certain at any level."""
    own, other = pair
    if not itself:
        return welch_interval(own, other, level)
    seeds = int((~np.isnan(own)).sum())
    return Interval(0.0 if seeds else math.nan, 0.0 if seeds > 1 else math.nan, seeds)


def _slopes(biases: Array, values: Array) -> Array:
    """One slope per seed of values [B, seeds]."""
    return np.array([slope(biases, column) for column in values.T])


def _ends(active: Array) -> Ends:
    """Of [shared biases, seeds], none of which is NaN."""
    means = active.mean(axis=1)
    return Ends(float(means[0]), float(means[-1])) if len(means) else Ends(math.nan, math.nan)
