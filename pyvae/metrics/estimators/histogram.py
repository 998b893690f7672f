"""Information of binned latents: the plug-in estimate, row by row."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.equal_width import equal_width

Bins = Literal["equal shares", "equal width"]
Index = npt.NDArray[np.int64]


def binned(column: Array, bins: int, kind: Bins) -> Index:
    """The bin of each value [N], from 0."""
    return equal_width(column, bins) if kind == "equal width" else equal_shares(column, bins)


def equal_shares(column: Array, bins: int) -> Index:
    """Bins with as many points each: equal values share one, and a value with more than a bin's share has it alone."""
    values, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    if len(values) <= bins:
        return np.asarray(place, dtype=np.int64)
    atom = counts > len(column) / bins
    rest = np.where(atom, 0, counts)
    wanted = max(1, bins - int(atom.sum()))
    share = (rest.cumsum() - rest / 2) / max(1, int(rest.sum()))
    # An atom is no neighbour of what lies around it: bins are named by what is in them, and the rest by rank.
    name = np.where(atom, bins + np.arange(len(values)), np.minimum((share * wanted).astype(np.int64), wanted - 1))
    return np.asarray(np.unique(name, return_inverse=True)[1][place], dtype=np.int64)


def surprise(cells: Index) -> Array:
    """-log p of each row's cell [N], whose mean is the entropy in nats."""
    counts = np.bincount(cells)
    return np.asarray(np.log(len(cells)) - np.log(counts[cells]))


def row_terms(first: Index, second: Index) -> Array:
    """log p(a, b) / (p(a) p(b)) of each row [N], whose mean is the plug-in information in nats."""
    both = first * (int(second.max()) + 1) + second
    return surprise(first) + surprise(second) - surprise(np.unique(both, return_inverse=True)[1])
