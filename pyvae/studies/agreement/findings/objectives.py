"""Which of two objectives has the higher mean, by models none of which shares anything with another."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyvae.report.statistics import Array
from pyvae.studies.agreement.findings.significance import two_sided
from pyvae.studies.agreement.results import Results


class Gap(NamedTuple):
    """One objective's mean over its strengths less another's."""

    value: float
    p: float
    """Two-sided, of no difference."""


def gaps(results: Results, values: Array, rows: NDArray[np.bool_]) -> dict[tuple[str, str], Gap]:
    """Of each pair of objectives in a score [N], over the models of `rows` [N]; without pairs that cannot be told."""
    cells = {group: _cells(results, values, rows & (results.objective == i)) for i, group in enumerate(results.groups)}
    return {(a, b): gap(cells[a], cells[b]) for a, b in combinations(results.groups, 2) if cells[a] and cells[b]}


def _cells(results: Results, values: Array, rows: NDArray[np.bool_]) -> list[Array]:
    """The scores of each strength that has several models: of one alone nothing says how much seeds scatter."""
    held = [values[rows & (results.cell == cell)] for cell in np.unique(results.cell[rows])]
    return [scores for scores in held if len(scores) > 1]


def gap(a: Sequence[Array], b: Sequence[Array]) -> Gap:
    """Of two objectives' scores by strength, two or more in each: the mean of a's means less that of b's.

    Models are independent, so the variance of a sum of c times a mean of n is the sum of c^2 s^2 / n, with the degrees
    of freedom of Welch (1938) and Satterthwaite (1946).
    """
    value = float(np.mean([scores.mean() for scores in a]) - np.mean([scores.mean() for scores in b]))
    parts = np.array([scores.var(ddof=1) / len(scores) / len(side) ** 2 for side in (a, b) for scores in side])
    free = np.array([len(scores) - 1 for side in (a, b) for scores in side])
    variance = float(parts.sum())
    if variance == 0:
        return Gap(value, 1.0)  # seeds that do not differ are no certainty
    return Gap(value, two_sided(value / variance**0.5, variance**2 / float((parts**2 / free).sum())))
