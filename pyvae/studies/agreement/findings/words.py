"""How correlations, counts, lists and what is missing are told."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import counted, listed
from pyvae.studies.agreement.findings.correlation import Correlation
from pyvae.studies.agreement.results import Results

FEWEST = 10
"""Cells below which no correlation is worth a sentence, and models below which a change of a score is a reading; with
one seed a cell is a model.
"""


def told(one: Correlation, results: Results) -> str:
    """A correlation, with its interval where there are several seeds: "0.52 (0.31 to 0.68)"."""
    if not results.config.several_seeds:
        return decimals(one.value, 2)
    return f"{decimals(one.value, 2)} ({decimals(one.low, 2)} to {decimals(one.high, 2)})"


def over(models: int, results: Results) -> str:
    """What a correlation is about: "over 115 models of 5 seeds"."""
    return f"over {counted(models, 'model', 'models')} of {counted(results.seeds, 'seed', 'seeds')}"


def middle(values: Sequence[float]) -> str:
    """The median in words."""
    return decimals(float(np.median(values)), 2)


def spread(values: Sequence[float], of: str) -> str:
    """From the lowest to the highest of one correlation or more."""
    if len(values) == 1:
        return f"the rank correlation of {of} is {decimals(values[0], 2)}"
    return f"the rank correlations of {of} run from {decimals(min(values), 2)} to {decimals(max(values), 2)}"


def percent(share: float) -> str:
    """A share as "37%", without a sign before a zero."""
    return f"{decimals(100 * share, 0)}%"


def few(results: Results, rows: NDArray[np.bool_]) -> bool:
    """Whether these models [N] are of too few cells for a correlation."""
    return len(np.unique(results.cell[rows])) < FEWEST


def too_few(results: Results, rows: NDArray[np.bool_]) -> str:
    """Why a question has no answer, as the end of a sentence: the models [N] that have what it asks for are few."""
    have = counted(int(rows.sum()), "model in use has", "models in use have") + " every score that this asks for"
    if not results.config.several_seeds:
        return f"{have}, and {FEWEST} are needed"
    pairs = counted(len(np.unique(results.cell[rows])), "pair", "pairs")
    return f"{have}, of {pairs} of objective and strength, and {FEWEST} pairs are needed"


def left_out(results: Results, labels: Mapping[str, str]) -> list[str]:
    """A sentence on models in use that lack any of these scores, by the scores' names, and so are left out."""
    lacking = {label: int((results.in_use & np.isnan(results.column(name))).sum()) for name, label in labels.items()}
    lost = int((results.in_use & ~results.ranked(tuple(labels))).sum())
    if not lost:
        return []
    through = listed([f"{label} ({count})" for label, count in lacking.items() if count])
    return [
        f"{counted(lost, 'model', 'models')} in use of {int(results.in_use.sum())} {'is' if lost == 1 else 'are'} left "
        f"out, since {'it lacks' if lost == 1 else 'they lack'} a score: {through}."
    ]


def together(count: int, one: str, many: str, against: str = "0") -> str:
    """What "clearly" means of a family of so many."""
    return (
        f"What is clearly above or below {against} is told by the p values of {counted(count, one, many)} together, by "
        "Holm (1979) at 5 %; each interval shown is a 95 % interval of its own."
    )
