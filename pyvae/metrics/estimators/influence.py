"""How far the share of batches that are told right would move with rows drawn anew.

Batches of one set of rows share those rows: more batches tell the share for these rows more closely, and not what other
rows would have. By the infinitesimal jackknife (Efron 1992, for averages over drawn batches Wager, Hastie and Efron
2014) the variance over rows is the sum of the squares of each row's influence, the derivative of the share by the row's
weight. That is a sum over the batches which the row is in, so that no batch has to be drawn a second time; what chance
adds to its square, the squares of the sum's own terms, is subtracted.
"""

import numpy as np
import numpy.typing as npt

from pyvae.metrics.estimators.columns import Array, Index
from pyvae.metrics.estimators.fixing import Batches, Source
from pyvae.metrics.estimators.proportions import wilson
from pyvae.metrics.estimators.resampling import is_few

# Of a value with fewer rows than this many batches', batches are much the same rows: they cannot tell what others do.
_FEW = 2


def interval_of_votes(source: Source, batches: Batches, right: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """A 95 % interval of the share that is `right` [V] of batches from a source that hold one value each."""
    if _has_few(source):
        return 0.0, 1.0
    return _interval(right, 0.0 if batches.rows is None else _of_votes(source, batches.factor, batches.rows, right))


def interval_of_pairs(source: Source, batches: Batches, right: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The same of batches of pairs, whose first rows [V, B] are followed by the second; each pair has a value."""
    if _has_few(source):
        return 0.0, 1.0
    return _interval(right, 0.0 if batches.rows is None else _of_pairs(source, batches.factor, batches.rows, right))


def _has_few(source: Source) -> bool:
    """Whether so few rows are given that they say nothing of others."""
    return source.groups is not None and is_few(len(source.groups))


def _interval(right: npt.NDArray[np.bool_], over_rows: float) -> tuple[float, float]:
    """Wilson's, of so many independent trials as have the variance of the batches and the rows together."""
    share, count = float(right.mean()), len(right)
    one = share * (1 - share)
    return wilson(share, one / (one / count + over_rows) if one > 0 else count)


def _of_votes(source: Source, factor: Index, rows: Index, right: npt.NDArray[np.bool_]) -> float:
    groups, size = _groups_of(source)
    count, batch = rows.shape
    group = groups[rows[:, 0], factor]
    votes, mean = np.bincount(group, minlength=len(size)), _means(group, right, len(size))
    is_few = size < _FEW * batch
    # What batches without a row tell of its weight is less than all of it: a tenth less if they are a tenth of a value.
    lost = np.where(is_few, 0.0, (1 if source.replacement else batch) / size)
    residual = np.where(is_few, 0.0, 1 / (1 - lost))[group] * (right - mean[group])
    by_row = np.bincount(rows.ravel(), np.repeat(residual, batch), len(groups)) / count
    # How often a value is counts, too: so much more or less than all of the factor's batches are told.
    by_factor = _means(factor, right, groups.shape[1])
    apart = np.where((groups >= 0) & (votes > 0)[groups], mean[groups] - by_factor, 0.0)
    by_row += apart.mean(1) / len(groups)
    chance = float((np.square(residual) * batch * (1 - lost)[group]).sum()) / count**2
    # Hoeffding (1963): an average over all batches varies no more than one over batches that share no row.
    most = np.where(is_few, np.minimum(1.0, batch / size) * mean * (1 - mean) * np.square(votes / count), 0.0)
    return max(0.0, float(np.square(by_row).sum() - chance)) + float(most.sum())


def _of_pairs(source: Source, factor: Index, rows: Index, right: npt.NDArray[np.bool_]) -> float:
    groups, size = _groups_of(source)
    count, pairs = len(right), rows.shape[1] // 2
    residual = right - _means(factor, right, groups.shape[1])[factor]
    by_row = np.bincount(rows.ravel(), np.repeat(residual, 2 * pairs), len(groups)) / count
    # A second row is drawn by its value: that a batch had the value at all is not its doing.
    value = groups[rows[:, :pairs], factor[:, None]]
    met = np.bincount(value.ravel(), np.repeat(residual, pairs), len(size)) / count
    by_row -= np.where(groups >= 0, (met / size)[groups], 0.0).sum(1)
    # Two rows among n: 2 (1 - 1 / n) within the value, less 2 / n where they differ, and 1 / n between values.
    lost = (1 if source.replacement else 3) / size
    chance = float((np.square(residual) * (2 - lost)[value].sum(1)).sum()) / count**2
    return max(0.0, float(np.square(by_row).sum() - chance))


def _groups_of(source: Source) -> tuple[Index, Index]:
    """The source's groups [N, K], and how many rows each has."""
    assert source.groups is not None
    return source.groups, np.maximum(1, np.bincount(source.groups[source.groups >= 0].ravel()))


def _means(of: Index, right: npt.NDArray[np.bool_], count: int) -> Array:
    """The share that is right of each number that `of` [V] has, [count]; 0 of those it has not."""
    return np.bincount(of, right, count) / np.maximum(1, np.bincount(of, minlength=count))
