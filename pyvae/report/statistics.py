"""Small-sample statistics of a study: intervals over seeds, slopes, rank correlation. Plain numpy, NaNs
left out.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyvae.quantiles import t_quantile

Array = NDArray[np.float64]


class Interval(NamedTuple):
    """A mean over seeds with its 95 % t interval, mean -+ half; half is NaN when fewer than two seeds give
    a value.
    """

    mean: float
    half: float
    seeds: int

    @property
    def known(self) -> bool:
        """Whether there is an interval at all."""
        return self.seeds > 1

    @property
    def above_zero(self) -> bool:
        return self.known and self.mean - self.half > 0

    @property
    def below_zero(self) -> bool:
        return self.known and self.mean + self.half < 0

    @property
    def undecided(self) -> bool:
        """Whether there is an interval, and it holds 0."""
        return self.known and not (self.above_zero or self.below_zero)


def t_interval(values: Array) -> Interval:
    """The 95 % t interval of a mean over independent seeds: values [S], NaNs left out."""
    present = values[~np.isnan(values)]
    count = len(present)
    if count == 0:
        return Interval(math.nan, math.nan, 0)
    half = t_quantile(count - 1) * float(present.std(ddof=1)) / math.sqrt(count) if count > 1 else math.nan
    return Interval(float(present.mean()), half, count)


def ratio_interval(numerators: Array, denominators: Array) -> Interval:
    """mean(numerators) / mean(denominators), paired [S], with the 95 % t interval of the jackknife over seeds.

    It estimates the ratio of the means, whose denominator should be clearly apart from 0; pairs with a NaN are left
    out. (Quenouille 1956: S times the ratio less S - 1 times that without one pair are taken for S independent values.)
    """
    present = ~(np.isnan(numerators) | np.isnan(denominators))
    a, b = numerators[present], denominators[present]
    count = len(a)
    if count == 0 or b.sum() == 0:
        return Interval(math.nan, math.nan, 0)
    ratio = float(a.sum() / b.sum())
    if count == 1:
        return Interval(ratio, math.nan, 1)
    without = (a.sum() - a) / (b.sum() - b)
    return Interval(ratio, t_interval(count * ratio - (count - 1) * without).half, count)


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


def ranks(values: Array) -> Array:
    """Ranks from 1 of values [N], or of each column of [N, S], ties sharing their mean rank."""
    if values.ndim == 2:
        return np.stack([ranks(column) for column in values.T], 1)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank: Array = last - (counts - 1) / 2
    return mean_rank[inverse]
