"""Information of binned latents: the plug-in estimate, row by row."""

import typing
from typing import Literal, NamedTuple

import numpy as np

from pyvae.metrics.estimators.columns import Array, Index
from pyvae.metrics.estimators.equal_shares import equal_shares
from pyvae.metrics.estimators.equal_width import equal_width
from pyvae.metrics.estimators.protocols import check_choice

Bins = Literal["equal shares", "equal width"]
BINS: tuple[Bins, ...] = typing.get_args(Bins)


class Binning(NamedTuple):
    """How latents become cells, and whether the bias of few rows is subtracted."""

    bins: int
    kind: Bins
    corrected: bool


def binned(column: Array, bins: int, kind: Bins) -> Index:
    """The bin of each value [N], from 0; ValueError for a kind of bins that there is not."""
    check_choice("kind", kind, BINS)
    return equal_width(column, bins) if kind == "equal width" else equal_shares(column, bins)


def surprise(cells: Index, *, corrected: bool = False) -> Array:
    """-log p of each row's cell [N], whose mean is the entropy in nats, `corrected` as Miller and Madow (1955) do."""
    counts = np.bincount(cells)
    bias = (np.count_nonzero(counts) - 1) / (2 * len(cells)) if corrected else 0.0
    return np.asarray(np.log(len(cells)) - np.log(counts[cells]) + bias)


def row_terms(first: Index, second: Index, *, corrected: bool = False) -> Array:
    """log p(a, b) / (p(a) p(b)) of each row [N], whose mean is the plug-in information in nats, or corrected."""
    both = np.unique(first * (int(second.max()) + 1) + second, return_inverse=True)[1]
    parts = (surprise(cells, corrected=corrected) for cells in (first, second, both))
    return np.asarray(next(parts) + next(parts) - next(parts))


def chance(cells: Index, labels: Index) -> float:
    """What the plug-in information in nats is raised by where the two are independent (Miller and Madow 1955)."""
    met = (np.count_nonzero(np.bincount(column)) - 1 for column in (cells, labels))
    return next(met) * next(met) / (2 * len(cells))


def is_corrected(bins: int, labels: Index) -> bool:
    """Whether cells are fewer than a tenth of the rows: the correction counts on most of them being met."""
    return bins * (int(labels.max()) + 1) < len(labels) / 10
