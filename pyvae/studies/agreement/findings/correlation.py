"""Rank correlations of columns over models, with intervals by the bootstrap over cells.

Models come in cells of one objective and strength, whose seeds are alike: drawn one by one they would pass for as many
independent models, and intervals be far too narrow. So whole cells are drawn with replacement; with one seed a cell is
a model. The draws give the standard error of Fisher's z = artanh(r), from which come intervals and p values, by
Student's t of one degree of freedom less than there are cells (Fisher 1921; Davison and Hinkley 1997, section 3.8).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyvae.quantiles import t_quantile
from pyvae.report.statistics import Array, ranks
from pyvae.studies.agreement.findings.significance import holm, two_sided

REPLICATES = 1000
SEED = 0
"""Of the cells drawn: the same text from the same results."""
CLOSE = 0.7
"""Two scores rank models closely where their correlation is clearly above this."""
NEARLY_ONE = 1 - 1e-9
"""Fisher's z of a correlation of 1 is infinite; this is as far as it goes."""

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Correlation:
    """A correlation and how sure it is."""

    value: float
    error: float
    """The standard error of Fisher's z."""
    cells: int
    """How many were drawn: at least two."""

    @property
    def low(self) -> float:
        """Of the 95 % interval."""
        return self._end(-1)

    @property
    def high(self) -> float:
        return self._end(1)

    def p(self, than: float = 0.0) -> float:
        """Two-sided, of the hypothesis that the correlation is `than`."""
        gap = float(_fisher(self.value) - _fisher(than))
        if gap == 0:
            return 1.0
        return two_sided(gap / self.error if self.error > 0 else math.inf, self.cells - 1)

    def _end(self, side: int) -> float:
        return float(np.tanh(_fisher(self.value) + side * t_quantile(self.cells - 1) * self.error))


@dataclass(frozen=True)
class Correlations:
    """Spearman's correlation of every two of S columns, [S, S]; NaN where a column is constant."""

    names: tuple[str, ...]
    models: int
    cells: int
    value: Array
    error: Array

    def of(self, a: str, b: str) -> Correlation:
        """One of them."""
        i, j = self.names.index(a), self.names.index(b)
        return Correlation(float(self.value[i, j]), float(self.error[i, j]), self.cells)

    def pairs(self) -> list[tuple[str, str, Correlation]]:
        """Every pair that has a value, once."""
        found = [(a, b, self.of(a, b)) for i, a in enumerate(self.names) for b in self.names[:i]]
        return [(a, b, one) for a, b, one in found if not np.isnan(one.value)]

    def with_column(self, name: str, others: Sequence[str]) -> dict[str, Correlation]:
        """Those of other columns with this one, by their names, as far as they have a value."""
        found = {other: self.of(other, name) for other in others}
        return {other: one for other, one in found.items() if not np.isnan(one.value)}


def sides(family: Sequence[Correlation], than: float = 0.0) -> list[int]:
    """Of each in a family 1 where it is clearly above `than`, -1 where clearly below, 0 where that is open: by Holm."""
    clear = holm([one.p(than) for one in family])
    return [int(np.sign(one.value - than)) * int(told) for one, told in zip(family, clear, strict=True)]


def spearman(columns: Array) -> Array:
    """Spearman's correlation [S, S] of every two of columns [N, S] without NaN; NaN where one is constant."""
    return _normalised(_products(columns)(np.ones(len(columns), dtype=np.int64)))


def correlations(names: Sequence[str], columns: Array, cells: Index) -> Correlations:
    """Of columns [N, S] without NaN, over N models of cells [N]: numbers, gaps among which do not matter.

    An interval says how much a correlation depends on which objectives and strengths happened to be trained, and on
    which seeds.
    """
    place = np.unique(cells, return_inverse=True)[1].reshape(-1)
    products = _products(columns)
    drawn = [_normalised(products(times[place])) for times in _draws(int(place.max()) + 1)]
    return Correlations(tuple(names), len(columns), int(place.max()) + 1, spearman(columns), _error(np.stack(drawn)))


def within_cells(names: Sequence[str], columns: Array, cells: Index) -> Correlations | None:
    """Correlations of ranks [N, S] less the mean of each cell [N]: of what objective and strength leave open.

    Cells of one model say nothing and are left out; None where fewer than two cells are left.
    """
    several = np.isin(cells, np.flatnonzero(np.bincount(cells) > 1))
    left, cells = ranks(columns)[several], cells[several]
    members = [np.flatnonzero(cells == cell) for cell in np.unique(cells)]
    if len(members) < 2:
        return None
    for rows in members:
        left[rows] -= left[rows].mean(0)
    products = np.stack([left[rows].T @ left[rows] for rows in members])  # a cell drawn twice counts twice
    drawn = [_normalised(np.tensordot(times, products, 1)) for times in _draws(len(members))]
    value = _normalised(products.sum(0))
    return Correlations(tuple(names), len(left), len(members), value, _error(np.stack(drawn)))


def _draws(count: int) -> list[Index]:
    """How often each of so many cells is drawn, [count] for each replicate."""
    rng = np.random.default_rng(SEED)
    return [np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(REPLICATES)]


def _products(columns: Array) -> Callable[[Index], Array]:
    """The products [S, S] of centred ranks as a function of how often each model [N] is there.

    Columns are sorted once: ranks of a sample, ties sharing their mean rank, follow from counts of what lies below.
    """
    order = np.argsort(columns, axis=0, kind="stable")
    ordered = np.take_along_axis(columns, order, 0)
    first, last = (
        np.stack([np.searchsorted(a, b, side) for a, b in zip(ordered.T, columns.T, strict=True)], 1)
        for side in ("left", "right")
    )

    def products(times: Index) -> Array:
        below = np.concatenate([np.zeros((1, columns.shape[1]), np.int64), np.cumsum(times[order], 0)])
        ranked = (np.take_along_axis(below, first, 0) + np.take_along_axis(below, last, 0)) / 2
        centred = ranked - times.sum() / 2
        return np.asarray((times[:, None] * centred).T @ centred)

    return products


def _normalised(products: Array) -> Array:
    norms = np.sqrt(np.diagonal(products))
    norms = np.where(norms > 0, norms, np.nan)
    return np.asarray(np.clip(products / np.outer(norms, norms), -1.0, 1.0))


def _fisher(value: Array | float) -> Array:
    return np.asarray(np.arctanh(np.clip(value, -NEARLY_ONE, NEARLY_ONE)))


def _error(drawn: Array) -> Array:
    """Of [R, S, S], over the replicates; one in which a column is constant counts as no correlation."""
    return np.asarray(_fisher(np.nan_to_num(drawn)).std(0, ddof=1))
