"""Small-sample statistics of a study: intervals over seeds, slopes, rank correlation. Plain numpy, NaNs
left out.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyvae.quantiles import NORMAL_975, t_quantile

Array = NDArray[np.float64]
LEVEL = 0.95
"""How often an interval holds the truth that stands alone."""
_ROUNDING = 1e-12  # a spread below this share of the values is none


class Interval(NamedTuple):
    """A mean over seeds, or a difference of two, with its t interval, mean -+ half.

    half is NaN where nothing tells how far seeds scatter: with fewer than two that give a value, and with several that
    all give the same, as counts may. That three seeds agree is no proof that a fourth would.
    """

    mean: float
    half: float
    seeds: int
    """How many give a value; of a difference in its smaller group."""

    @property
    def known(self) -> bool:
        """Whether there is an interval at all."""
        return not math.isnan(self.half)

    @property
    def same(self) -> bool:
        """Whether several seeds give the same, so that there is none."""
        return self.seeds > 1 and not self.known

    @property
    def above_zero(self) -> bool:
        return self.above(0.0)

    @property
    def below_zero(self) -> bool:
        return self.known and self.mean + self.half < 0

    @property
    def undecided(self) -> bool:
        """Whether there is an interval, and it holds 0."""
        return self.known and not (self.above_zero or self.below_zero)

    def above(self, value: float) -> bool:
        """Whether all of the interval is above a value."""
        return self.known and self.mean - self.half > value

    def times(self, factor: float) -> "Interval":
        """The interval of so many times the mean."""
        return Interval(factor * self.mean, abs(factor) * self.half, self.seeds)


def simultaneous(comparisons: int) -> float:
    """The level of each of some intervals, so that all hold at once in 95 of 100 studies (Bonferroni's inequality)."""
    return 1 - (1 - LEVEL) / max(comparisons, 1)


def t_interval(values: Array, level: float = LEVEL) -> Interval:
    """The t interval of a mean over independent seeds: values [S], NaNs left out."""
    present = _present(values)
    mean = float(present.mean()) if len(present) else math.nan
    return _interval(mean, [present], level)


def welch_interval(a: Array, b: Array, level: float = LEVEL) -> Interval:
    """mean(a) - mean(b) of two independent groups of seeds [S] and [T] with its t interval, NaNs left out.

    Models of two strengths or biases share no random stream of training, though their seeds have the same numbers:
    there is nothing to pair. Standard errors add up as squares, each group with a variance of its own (Welch 1947); the
    degrees of freedom are Satterthwaite's (1946), rounded down.
    """
    a, b = _present(a), _present(b)
    mean = float(a.mean() - b.mean()) if len(a) and len(b) else math.nan
    return _interval(mean, [a, b], level)


def ratio_interval(numerators: Array, denominators: Array, level: float = LEVEL) -> Interval:
    """mean(numerators) / mean(denominators), paired [S], with the t interval of the jackknife over seeds.

    It estimates the ratio of the means, whose denominator should be clearly apart from 0; pairs with a NaN are left
    out. (Quenouille 1956: S times the ratio less S - 1 times that without one pair are taken for S independent values.)
    """
    a, b = _pairs(numerators, denominators)
    if len(a) == 0 or b.sum() == 0:
        return Interval(math.nan, math.nan, 0)
    ratio = float(a.sum() / b.sum())
    if len(a) == 1:
        return Interval(ratio, math.nan, 1)
    return _jackknifed(ratio, [_without_one(a) / _without_one(b)], level)


def closed_interval(after: Array, before: Array, goal: Array, level: float = LEVEL) -> Interval:
    """The share of a gap that is closed, (mean(after) - mean(before)) / (mean(goal) - mean(before)), by the jackknife.

    after and before are paired [S], and pairs with a NaN left out; goal [T] is another group, independent of them. It
    should be clearly apart from before. (As `ratio_interval`; of two groups each leaves out one of its own, as Arvesen
    1969 has it, and their errors are added up as in `welch_interval`.)
    """
    a, b = _pairs(after, before)
    c = _present(goal)
    if len(a) == 0 or len(c) == 0 or c.mean() == b.mean():
        return Interval(math.nan, math.nan, 0)
    share = float((a.mean() - b.mean()) / (c.mean() - b.mean()))
    if min(len(a), len(c)) == 1:
        return Interval(share, math.nan, 1)
    left_a, left_b, left_c = map(_without_one, (a, b, c))
    pairs = (left_a - left_b) / (c.mean() - left_b)
    goals = (a.mean() - b.mean()) / (left_c - b.mean())
    return _jackknifed(share, [pairs, goals], level)


def best_of(values: Array) -> tuple[int, tuple[int, ...]]:
    """The row of [K, S] with the highest mean over seeds, and the others that it is not clear of, in ascending order.

    The best is chosen by the same seeds, so every pair of rows has an interval (`welch_interval`) that holds together
    with those of all others; a row without values is in none. Raises ValueError where no row has a value.
    """
    known = [k for k, row in enumerate(values) if not np.isnan(row).all()]
    if not known:
        raise ValueError("values must hold a number, got none")
    best = max(known, key=lambda k: float(np.nanmean(values[k])))
    level = simultaneous(len(known) * (len(known) - 1) // 2)
    rivals = [k for k in known if k != best and not welch_interval(values[best], values[k], level).above_zero]
    return best, tuple(rivals)


def seed_means(values: Array) -> Array:
    """Of [..., seeds] a mean for each seed, NaNs left out; NaN for a seed without any value."""
    columns = (_present(column) for column in values.reshape(-1, values.shape[-1]).T)
    return np.array([float(column.mean()) if len(column) else math.nan for column in columns])


def _jackknifed(value: float, without_one: Sequence[Array], level: float) -> Interval:
    """By the values without one member of each independent group."""
    return _interval(value, [len(left) * value - (len(left) - 1) * left for left in without_one], level)


def _interval(mean: float, groups: Sequence[Array], level: float) -> Interval:
    """Of a sum or difference of the means of independent groups, each without NaNs."""
    seeds = min(map(len, groups))
    if seeds < 2 or not any(map(_varies, groups)):
        return Interval(mean, math.nan, seeds)
    squares = [float(group.var(ddof=1)) / len(group) for group in groups]
    shares = [square / sum(squares) for square in squares]
    inverse = sum(share**2 / (len(group) - 1) for share, group in zip(shares, groups, strict=True))
    degrees = math.floor((1 + _ROUNDING) / inverse)
    return Interval(mean, t_quantile(degrees, level) * math.sqrt(sum(squares)), seeds)


def _pairs(a: Array, b: Array) -> tuple[Array, Array]:
    both = ~(np.isnan(a) | np.isnan(b))
    return a[both], b[both]


def _present(values: Array) -> Array:
    return values[~np.isnan(values)]


def _varies(values: Array) -> bool:
    return float(np.ptp(values)) > _ROUNDING * float(np.abs(values).max())


def _without_one(values: Array) -> Array:
    """The means of all values but one, [S]."""
    return np.asarray((values.sum() - values) / (len(values) - 1))


def slope(x: Array, y: Array) -> float:
    """Least-squares slope of y [N] against x [N], NaNs left out; NaN with fewer than two different x."""
    present = ~np.isnan(y)
    x, y = x[present], y[present]
    spread = float(((x - x.mean()) ** 2).sum()) if len(x) else 0.0
    return float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread > 0 else math.nan


def rank_correlation(x: Array, y: Array) -> float:
    """Spearman's correlation of x and y, ties sharing their mean rank, NaNs left out; NaN when either is
    constant.
    """
    present = ~(np.isnan(x) | np.isnan(y))
    a, b = ranks(x[present]), ranks(y[present])
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def chance_correlation(pairs: int) -> float:
    """What the rank correlation of so many unrelated pairs stays within, to either side, in 95 of 100 studies.

    Where all orders of one side are equally likely its variance is 1 / (pairs - 1), ties or not (Hotelling and Pabst
    1936). The normal law of that variance is near the exact one from 5 pairs on (0.98: there only a correlation of 1 is
    told), and of fewer pairs it rightly tells none: 4 agree altogether, in one sense or the other, in 8 of 100 studies.
    """
    return NORMAL_975 / math.sqrt(pairs - 1) if pairs > 1 else math.inf


def ranks(values: Array) -> Array:
    """Ranks from 1 of values [N], or of each column of [N, S], ties sharing their mean rank."""
    if values.ndim == 2:
        return np.stack([ranks(column) for column in values.T], 1)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank: Array = last - (counts - 1) / 2
    return mean_rank[inverse]
