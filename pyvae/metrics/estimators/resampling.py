"""Intervals by the bootstrap over rows.

A score is a function of means over N rows: of the terms of an information, of votes, of losses. The bootstrap draws the
rows anew, with replacement, and takes the function of the new means. All replicates at once are one matrix product of
the rows' multinomial counts with their terms. What has to be computed from all rows first (neighbours, a probe) is kept
as it is: a term stands for its row's influence.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pyvae.metrics.estimators.columns import Array
from pyvae.quantiles import t_quantile

REPLICATES = 200
FEWEST = 10


def resampled(terms: npt.NDArray[np.floating[Any]], seed: int, replicates: int = REPLICATES) -> Array:
    """Means of drawn rows: terms [N, ...] -> [replicates, ...]. Equal seeds and N draw equal rows."""
    rows = len(terms)
    flat = np.ascontiguousarray(terms.reshape(rows, -1), dtype=np.float64)
    generator = np.random.default_rng(seed)
    out = np.empty((replicates, flat.shape[1]))
    for k in range(replicates):
        counts = np.bincount(generator.integers(rows, size=rows), minlength=rows)
        out[k] = counts @ flat
    return out.reshape(replicates, *terms.shape[1:]) / rows


def is_few(rows: int) -> bool:
    """Whether rows say nothing of others, since so few may well be told alike by chance: intervals hold everything."""
    return rows < FEWEST


def reach_of(replicates: Array) -> Array:
    """How far a 95 % interval reaches to each side of a value with replicates [R, ...]: [...].

    Their standard deviation times Student's t, which few of them ask for.
    """
    return np.asarray(t_quantile(len(replicates) - 1) * np.std(replicates, axis=0, ddof=1))


def interval(value: float, replicates: Array, floor: float, ceiling: float, *, rows: int) -> tuple[float, float]:
    """A 95 % interval within [floor, ceiling] by replicates of so many rows drawn anew; all of few rows."""
    if is_few(rows):
        return floor, ceiling
    reach = float(reach_of(replicates))
    return max(floor, min(value, value - reach)), min(ceiling, max(value, value + reach))


def interval_of(
    score: Callable[[Array], Array], terms: npt.NDArray[np.floating[Any]], seed: int, floor: float, ceiling: float
) -> tuple[float, float]:
    """The interval of `score`, a function of mean terms [..., T] -> [...], for terms [N, T]."""
    value = float(score(np.asarray(terms, dtype=np.float64).mean(0)))
    return interval(value, score(resampled(terms, seed)), floor, ceiling, rows=len(terms))
