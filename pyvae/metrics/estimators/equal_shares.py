"""Bins with as many points each; a value with more than a bin's share of the points has a bin of its own, an atom."""

import numpy as np

from pyvae.metrics.estimators.columns import Array, Index


def equal_shares(column: Array, bins: int) -> Index:
    """The bin of each value [N], from 0; a bin on both sides of an atom is one. Fewer values than bins have one each.

    An atom is no neighbour of what lies around it: for information it does not matter which bins are next to it.
    """
    names, place = _named(column, bins)
    return place if len(names) <= bins else np.unique(names, return_inverse=True)[1][place]


def ordered_shares(column: Array, bins: int) -> Index:
    """The same with bins in the order of their values; a bin on both sides of an atom is two."""
    names, place = _named(column, bins)
    starts = np.concatenate([[True], names[1:] != names[:-1]])
    return np.asarray((starts.cumsum() - 1)[place], dtype=np.int64)


def _named(column: Array, bins: int) -> tuple[Index, Index]:
    """A number for the bin of each of V ascending values [V], and each point's value among them [N].

    Bins are cut by ranks, so that one far value moves no edge.
    """
    values, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    atom = counts > len(column) / bins
    rest = np.where(atom, 0, counts)
    wanted = max(1, bins - int(atom.sum()))
    share = (rest.cumsum() - rest / 2) / max(1, int(rest.sum()))
    names = np.where(atom, bins + np.arange(len(values)), np.minimum((share * wanted).astype(np.int64), wanted - 1))
    return names, np.asarray(place, dtype=np.int64)
