"""Do numbers that need no factors find the models that scores of disentanglement call good?"""

import numpy as np

from pyvae.report.answer import Answer, listed
from pyvae.report.statistics import Array, ranks
from pyvae.studies.agreement.findings.correlation import Correlation, correlations
from pyvae.studies.agreement.findings.words import FEWEST, told, too_few
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import UNSUPERVISED

QUESTION = "Do scores without factors, such as UDR and total correlation, find the good models?"
CHOSEN = 10
"""One in so many models is picked by a score, at least one."""


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
    names = [name for name in results.known(tuple(UNSUPERVISED)) if name in results.table.column_names]
    rows = results.ranked((*results.disentanglement, *names))
    if rows.sum() < FEWEST or not results.disentanglement:
        return {}
    signs = np.array([UNSUPERVISED[name][1] for name in names])
    columns = np.column_stack([results.columns(names)[rows] * signs, mean_ranks(results)[rows]])
    found = correlations((*names, ""), columns)
    return {name: one for name in names if not np.isnan((one := found.of(name, "")).value)}


def about_unsupervised(results: Results) -> Answer:
    """Which of them rise with the mean rank, and how good the models are that they pick."""
    found = with_mean_rank(results)
    if not found:
        models = int(results.ranked(results.disentanglement).sum())
        return Answer("unsupervised", QUESTION, too_few(models), ())
    short = _verdict(results, found) if results.config.several_seeds else _readings(results, found)
    return Answer("unsupervised", QUESTION, short, tuple(_details(results, found)))


def _verdict(results: Results, found: dict[str, Correlation]) -> str:
    finds = [_label(name) for name, one in found.items() if one.above_zero]
    against = [_label(name) for name, one in found.items() if one.below_zero]
    word = "Yes" if "udr" in found and found["udr"].above_zero else "In part" if finds else "No"
    of_udr = (
        f" UDR's rank correlation with the mean rank by all scores is {told(found['udr'], results)}."
        if "udr" in found
        else ""
    )
    wrong = f"; these point the wrong way: {listed(against)}" if against else ""
    by = listed(finds) or "none of them"
    return f"{word}: models with a better mean rank are told by {by}{wrong}.{of_udr}"


def _readings(results: Results, found: dict[str, Correlation]) -> str:
    told_of = [
        f"{_label(name)} {told(one, results)}"
        for name, one in found.items()
        if name in ("udr", "aggregate_total_correlation")
    ]
    return f"Readings of one seed: rank correlations with the mean rank by all scores are {listed(told_of)}."


def _details(results: Results, found: dict[str, Correlation]) -> list[str]:
    ordered = sorted(found, key=lambda name: -found[name].value)
    every = listed([f"{_label(name)} {told(found[name], results)}" for name in ordered])
    details = [f"Rank correlations with the mean rank, each in the direction hoped for: {every}."]
    return details + [_choice(results, name) for name in ("udr", "aggregate_total_correlation") if name in found]


def _choice(results: Results, name: str) -> str:
    """How good the models are that a number puts first."""
    rank = mean_ranks(results)
    known = ~np.isnan(rank)
    place = np.full(len(rank), np.nan)
    place[known] = (ranks(rank[known]) - 1) / max(1, known.sum() - 1)
    picked = _picked(results.column(name) * UNSUPERVISED[name][1], known)
    first = "The model" if len(picked) == 1 else f"The {len(picked)} models"
    return (
        f"{first} of {int(known.sum())} that {_label(name)} puts first: on average {place[picked].mean():.0%} of the "
        "others have a worse mean rank; 50% is chance."
    )


def _picked(values: Array, among: Array) -> Array:
    """The places of the best by a score."""
    usable = np.flatnonzero(among & ~np.isnan(values))
    count = max(1, len(usable) // CHOSEN)
    return np.asarray(usable[np.argsort(-values[usable], kind="stable")[:count]])


def _label(name: str) -> str:
    return UNSUPERVISED[name][0]
