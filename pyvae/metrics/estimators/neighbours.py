"""Information between a continuous latent and a discrete factor, by nearest neighbours on ranks (Ross 2014).

A row's neighbourhood reaches to the k-th nearest row of its own class; the more rows of other classes lie within, the
less the latent tells. Distances are those of ranks: any monotone map leaves them as they are, to the bit, and an
outlier is one rank beyond the rest. Two cases need care where a rank is whole:

* Two rows may be equally far, one on each side. In what order they come is open, and the term is the mean over both
  orders, so that an independent latent has the mean 0 that Ross's estimator owes to a strict order.
* Rows with equal values are at distance 0. Where k others of the class are, the value is an atom, as all are in a
  discrete code: the term counts those with the value, in the class and in all (Gao et al. 2017). With the digamma
  function for the logarithm this is Miller and Madow's correction (their section III). No jitter is added.

One sort per latent and factor and a few passes over its rows do it all: in one dimension the k-th neighbour is the
nearest end of k + 1 windows.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from pyvae.metrics.estimators.columns import Array, Index

NEIGHBOURS = 3


_EULER = 0.5772156649015329


class Ranks(NamedTuple):
    """A latent in ascending order: the rows in that `order` [N], twice the middle `place` [N] of each value's ranks,
    and how many rows lie at or below a place, `upto` [2 N + 1], which begins at place -1.
    """

    order: Index
    place: Index
    upto: Index


class Classes(NamedTuple):
    """A factor: `labels` [N] from 0, the `members` [N] of each row's class, and the `nearest` [N]: the how many-th
    member, in order of distance, decides.
    """

    labels: Index
    members: Index
    nearest: Index


def ranks_of(column: Array) -> Ranks:
    """A latent [N], finite."""
    count = len(column)
    order = np.argsort(column, kind="stable")
    ascending = column[order]
    starts = np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]]))
    sizes = np.diff(np.append(starts, count))
    place = np.repeat(2 * starts + sizes - 1, sizes)
    upto = np.cumsum(np.bincount(place + 1, minlength=2 * count + 1))
    return Ranks(order, place, upto)


def classes_of(labels: Index, neighbours: int = NEIGHBOURS) -> Classes:
    """A factor's labels [N] from 0; a class with no more members than `neighbours` looks for its last other member."""
    members = np.bincount(labels)[labels]
    return Classes(labels, members, np.minimum(neighbours, members - 1))


def entropy_terms(classes: Classes) -> Array:
    """Each row's part of H(v) [N]: the mean is the entropy that a perfect code's information equals, exactly."""
    psi = _digamma(len(classes.labels))
    return np.asarray(psi[-1] - psi[classes.members])


def information_terms(ranks: Ranks, classes: Classes) -> Array:
    """Each row's part of I(z; v) in nats, [N] (Ross 2014, eq. 2), of classes with two members or more."""
    count = len(ranks.order)
    label = classes.labels[ranks.order]
    by_class = np.argsort(label.astype(np.uint16) if label.max() < 2**16 else label, kind="stable")
    rows = ranks.order[by_class]
    label, place, nearest = label[by_class], ranks.place[by_class], classes.nearest[rows]
    # Classes one after the other, too far apart for any to be the other's neighbour.
    line = place + label * (4 * count)
    reach = _distance(line, nearest, 4 * count)
    before, upto = (_within(ranks.upto, place, r, 2 * count) for r in (reach - 1, reach))
    mine_before, mine_upto = (_members_within(line, r) for r in (reach - 1, reach))
    psi = _digamma(count)
    # Of `tied` rows at the distance of the k-th neighbour `mine` are of the class, and the k-th is one of those.
    tied, mine = upto - before, mine_upto - mine_before
    position = before - 1 + (nearest - mine_before + 1) * (tied + 1) / (mine + 1)
    is_atom = reach == 0
    met = np.where(is_atom, psi[upto], _between(psi, np.clip(position, 0, count)))
    own = np.where(is_atom, psi[mine_upto], psi[nearest])
    terms = np.empty(count)
    terms[rows] = (psi[count] - met) + (own - psi[classes.members[rows]])  # exactly 0 of a constant latent
    return terms


def _distance(line: Index, nearest: Index, far: int) -> Index:
    """From each row to its k-th nearest of the class, which is an end of one of k + 1 windows of k + 1 members."""
    most = int(nearest.max())
    padded = np.concatenate([np.full(most, line[0] - far), line, np.full(most, line[-1] + far)])
    shifts = [padded[most + j : most + j + len(line)] - line for j in range(-most, most + 1)]
    distance = np.zeros_like(line)
    for k in range(1, most + 1):
        windows = [np.maximum(-shifts[most + j - k], shifts[most + j]) for j in range(k + 1)]
        if k == most:
            return np.where(nearest == k, np.minimum.reduce(windows), distance)
        chosen = nearest == k
        if chosen.any():
            distance = np.where(chosen, np.minimum.reduce(windows), distance)
    return distance


def _within(upto: Index, place: Index, reach: Index, last: int) -> Index:
    """How many rows lie no farther than `reach`, the row itself among them; 0 for a reach below 0."""
    above = np.minimum(place + reach + 1, last)
    below = np.maximum(place - reach, 0)
    return np.asarray(np.where(reach < 0, 0, upto[above] - upto[below]))


def _members_within(line: Index, reach: Index) -> Index:
    """The same among the row's class."""
    found = np.searchsorted(line, line + reach, side="right") - np.searchsorted(line, line - reach, side="left")
    return np.where(reach < 0, 0, found)


def _between(table: Array, position: Array) -> Array:
    """A table at positions between whole numbers, linearly."""
    low = position.astype(np.int64)
    high = np.minimum(low + 1, len(table) - 1)
    return np.asarray(table[low] + (position - low) * (table[high] - table[low]))


def _digamma(count: int) -> Array:
    """The digamma function at 0, 1, ..., count, with 0 at 0: a table, since all that is counted is whole."""
    return _table(1 << max(4, count.bit_length()))[: count + 1]


@cache
def _table(size: int) -> Array:
    table = np.zeros(size)
    table[1:] = -_EULER
    table[2:] += np.cumsum(1 / np.arange(1, size - 1))
    return table
