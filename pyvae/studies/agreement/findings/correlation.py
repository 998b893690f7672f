"""Rank correlations of columns over models, with intervals by the bootstrap over models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyvae.report.statistics import Array, ranks

REPLICATES = 1000
SEED = 0
"""Of the rows drawn: the same text from the same results."""
CLOSE = 0.7
"""Two scores rank models closely where their correlation's interval lies above this."""

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Correlations:
    """Spearman's correlation of every two of S columns, [S, S] each; NaN where a column is constant."""

    names: tuple[str, ...]
    models: int
    value: Array
    low: Array
    high: Array

    def of(self, a: str, b: str) -> "Correlation":
        """One of them."""
        i, j = self.names.index(a), self.names.index(b)
        return Correlation(float(self.value[i, j]), float(self.low[i, j]), float(self.high[i, j]))

    def pairs(self) -> list[tuple[str, str, "Correlation"]]:
        """Every pair that has a value, once."""
        found = [(a, b, self.of(a, b)) for i, a in enumerate(self.names) for b in self.names[:i]]
        return [(a, b, one) for a, b, one in found if not np.isnan(one.value)]


@dataclass(frozen=True)
class Correlation:
    """A correlation with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        return self.low > 0

    @property
    def below_zero(self) -> bool:
        return self.high < 0

    @property
    def close(self) -> bool:
        return self.low >= CLOSE


def correlations(names: Sequence[str], columns: Array) -> Correlations:
    """Of columns [N, S] without NaN, over N models; intervals by the percentile bootstrap over models.

    Models are drawn with replacement, as if those of the study were drawn from many: an interval says how much a
    correlation depends on which models happened to be trained.
    """
    value = _matrix(columns)
    rng = np.random.default_rng(SEED)
    drawn = [_matrix(columns[rng.integers(len(columns), size=len(columns))]) for _ in range(REPLICATES)]
    low, high = _percentiles(np.stack(drawn))
    return Correlations(tuple(names), len(columns), value, low, high)


def within_cells(names: Sequence[str], columns: Array, cells: Index) -> Correlations:
    """Correlations of ranks [N, S] less the mean of each cell [N]: of what objective and strength leave open.

    Whole cells are drawn with replacement, since deviations from one mean depend on each other. Cells of one model say
    nothing and are left out.
    """
    several = np.isin(cells, np.flatnonzero(np.bincount(cells) > 1))
    ranked, cells = ranks(columns)[several], cells[several]
    present = np.unique(cells)
    members = [np.flatnonzero(cells == cell) for cell in present]
    left = ranked.copy()
    for rows in members:
        left[rows] -= ranked[rows].mean(0)
    rng = np.random.default_rng(SEED)
    products = np.stack([left[rows].T @ left[rows] for rows in members])  # a cell drawn twice counts twice
    drawn = [_normalised(products[rng.integers(len(members), size=len(members))].sum(0)) for _ in range(REPLICATES)]
    low, high = _percentiles(np.stack(drawn))
    return Correlations(tuple(names), len(left), _normalised(products.sum(0)), low, high)


def _matrix(columns: Array) -> Array:
    centred = ranks(columns)
    centred -= centred.mean(0)
    return _normalised(centred.T @ centred)


def _normalised(products: Array) -> Array:
    norms = np.sqrt(np.diagonal(products))
    norms = np.where(norms > 0, norms, np.nan)
    return np.asarray(np.clip(products / np.outer(norms, norms), -1.0, 1.0))


def _percentiles(drawn: Array) -> tuple[Array, Array]:
    """Of [R, S, S]; a replicate in which a column is constant counts as no correlation."""
    low, high = np.percentile(np.nan_to_num(drawn), [2.5, 97.5], axis=0)
    return low, high
