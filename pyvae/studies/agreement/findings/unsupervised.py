"""Do numbers that need no factors find the models that scores of disentanglement call good?"""

import numpy as np

from pyvae.report.answer import Answer, counted, listed
from pyvae.report.statistics import Array, ranks
from pyvae.studies.agreement.findings.correlation import Correlation, correlations, sides
from pyvae.studies.agreement.findings.words import few, left_out, together, told, too_few
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import LABELS, UNSUPERVISED

QUESTION = "Do scores without factors, such as UDR and total correlation, find the good models?"
CHOSEN = 10
"""One in so many models is picked by a score, at least one."""
ASKED = ("udr", "aggregate_total_correlation")
"""Those that the question names."""


def mean_ranks(results: Results) -> Array:
    """The mean over scores of disentanglement of a model's rank, from 0 to 1, [N]; NaN of models left out."""
    names = results.disentanglement
    rows = results.ranked(names)
    out = np.full(len(rows), np.nan)
    if rows.any() and names:
        out[rows] = (ranks(results.columns(names)[rows]).mean(1) - 1) / max(1, rows.sum() - 1)
    return out


def with_mean_rank(results: Results) -> dict[str, Correlation]:
    """Of each number in the direction hoped for with the mean rank; empty where there are too few models."""
    names = results.known(tuple(UNSUPERVISED))
    rows = results.ranked(_asked_for(results))
    if few(results, rows) or not results.disentanglement:
        return {}
    signs = np.array([UNSUPERVISED[name][1] for name in names])
    columns = np.column_stack([results.columns(names)[rows] * signs, mean_ranks(results)[rows]])
    return correlations((*names, ""), columns, results.cell[rows]).with_column("", names)


def _asked_for(results: Results) -> tuple[str, ...]:
    """The scores without which a model is left out."""
    return (*results.disentanglement, *results.known(tuple(UNSUPERVISED)))


def about_unsupervised(results: Results) -> Answer:
    """Which of them rise with the mean rank, and how good the models are that they pick."""
    found = with_mean_rank(results)
    dropped = left_out(results, {name: LABELS[name] for name in _asked_for(results)})
    if not found:
        return Answer("unsupervised", QUESTION, f"This study cannot tell: {why_not(results)}.", tuple(dropped))
    short = _verdict(results, found) if results.config.several_seeds else _readings(results, found)
    return Answer("unsupervised", QUESTION, short, tuple([*_details(results, found), *dropped]))


def why_not(results: Results) -> str:
    """There is no answer."""
    rows = results.ranked(_asked_for(results))
    if not results.disentanglement:
        return "no score of disentanglement is known for most models"
    return too_few(results, rows) if few(results, rows) else "nothing varies"


def _verdict(results: Results, found: dict[str, Correlation]) -> str:
    side = dict(zip(found, sides(list(found.values())), strict=True))
    finds, against = ([LABELS[name] for name in found if side[name] == way] for way in (1, -1))
    word = _word(side)
    of_udr = (
        f" UDR's rank correlation with the mean rank by all scores is {told(found['udr'], results)}."
        if "udr" in found
        else ""
    )
    wrong = f"; these clearly point the wrong way: {listed(against)}" if against else ""
    by = listed(finds) or f"none of {counted(len(found), 'number', 'numbers')}"
    return f"{word}: models with a better mean rank are clearly told by {by}{wrong}.{of_udr}"


def _word(side: dict[str, int]) -> str:
    if side.get("udr") == 1:
        return "Yes"
    if 1 in side.values():
        return "In part"
    return "No" if set(side.values()) == {-1} else "Not shown"


def _readings(results: Results, found: dict[str, Correlation]) -> str:
    chosen = [name for name in ASKED if name in found] or list(found)
    told_of = listed([f"{LABELS[name]} {told(found[name], results)}" for name in chosen])
    return f"Readings of one seed: rank correlations with the mean rank by all scores are {told_of}."


def _details(results: Results, found: dict[str, Correlation]) -> list[str]:
    ordered = sorted(found, key=lambda name: -found[name].value)
    every = listed([f"{LABELS[name]} {told(found[name], results)}" for name in ordered])
    details = [f"Rank correlations with the mean rank, each in the direction hoped for: {every}."]
    if results.config.several_seeds:
        details.append(together(len(found), "number", "numbers"))
    return details + [_choice(results, name) for name in ASKED if name in found]


def _choice(results: Results, name: str) -> str:
    """How good the models are that a number puts first."""
    values, rank = results.column(name) * UNSUPERVISED[name][1], mean_ranks(results)
    known = ~np.isnan(rank) & ~np.isnan(values)
    place = (ranks(rank[known]) - 1) / (known.sum() - 1)
    picked = np.argsort(-values[known], kind="stable")[: max(1, int(known.sum()) // CHOSEN)]
    first = "The model" if len(picked) == 1 else f"The {len(picked)} models"
    return (
        f"{first} of {int(known.sum())} that {LABELS[name]} puts first: on average {place[picked].mean():.0%} of the "
        "others have a worse mean rank; 50% is chance."
    )
