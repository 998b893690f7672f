"""What does a rotation of the code do, which no likelihood can see?"""

from typing import NamedTuple

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, listed
from pyvae.report.statistics import Array
from pyvae.studies.agreement.findings.words import counted
from pyvae.studies.agreement.measures import UNROTATED
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import LABELS

QUESTION = "What does a rotation of the code do, which no likelihood can see?"
MOVES, MOST = 0.01, 2 / 3
"""A score has fallen, or risen, that did so by as much in the median, and in as large a share of the models."""


class Turned(NamedTuple):
    """One score of the same means as they are and rotated, [N] each."""

    before: Array
    after: Array


def turned(results: Results) -> dict[str, Turned]:
    """By the names of `UNROTATED`, of models in use that were measured with rotated codes."""
    found = {}
    for name, plain in UNROTATED.items():
        rows = results.ranked((plain, f"rotated_{name}"))
        if rows.any():
            found[name] = Turned(results.column(plain)[rows], results.column(f"rotated_{name}")[rows])
    return found


def about_rotation(results: Results) -> Answer:
    """The ELBO of both, and which scores fall."""
    found = turned(results)
    if not found:
        short = "This study cannot tell: no model in use has scores of its code rotated."
        return Answer("rotation", QUESTION, short, ())
    ways = {name: _way(one) for name, one in found.items()}
    words = {-1: "lower", 0: "without a clear change", 1: "higher"}
    sorted_out = {way: [label_of(name) for name, of in ways.items() if of == way] for way in words}
    said = [f"{words[way]} {listed(names)}" for way, names in sorted_out.items() if names]
    short = f"{_of_elbo(results)} In the median over {_models(results, found)} it leaves {'; '.join(said)}."
    return Answer("rotation", QUESTION, short, tuple(_turned(name, one) for name, one in found.items()))


def _of_elbo(results: Results) -> str:
    moved = np.abs(results.column("elbo") - results.column("rotated_elbo"))
    moved = moved[~np.isnan(moved)]
    if not len(moved):
        return "No model has the ELBO of its code rotated."
    return f"The ELBO moves by {moved.max():.1g} nats at most."


def _models(results: Results, found: dict[str, Turned]) -> str:
    """How many, of how many seeds: scores that refuse some have fewer."""
    counts = sorted({len(one.before) for one in found.values()})
    rows = np.any([results.ranked((plain, f"rotated_{name}")) for name, plain in UNROTATED.items()], 0)
    models = f"{counts[0]} to {counts[-1]} models" if len(counts) > 1 else counted(counts[0], "model", "models")
    return f"{models} of {counted(len(np.unique(results.seed[rows])), 'seed', 'seeds')}"


def _way(one: Turned) -> int:
    """-1 for a score that falls, 1 for one that rises, 0 for one that does neither clearly."""
    change = one.after - one.before
    for way in (-1, 1):
        if np.median(way * change) >= MOVES and (way * change > 0).mean() >= MOST:
            return way
    return 0


def _turned(name: str, one: Turned) -> str:
    before, after = (decimals(float(np.median(values)), 3) for values in one)
    lower, models = int((one.after < one.before).sum()), counted(len(one.before), "model", "models")
    return f"{label_of(name)}: median {before} before and {after} after; lower in {lower} of {models}."


def label_of(name: str) -> str:
    """What a score is called that is one of `UNROTATED`."""
    return LABELS[UNROTATED[name]]
