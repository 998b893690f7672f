"""Is a score's verdict changed by its protocol?"""

from typing import NamedTuple

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, counted, listed
from pyvae.studies.agreement.findings.correlation import CLOSE, Correlation, correlations, sides
from pyvae.studies.agreement.findings.objectives import Gap, gaps
from pyvae.studies.agreement.findings.significance import holm
from pyvae.studies.agreement.findings.words import few, left_out, over, together, told, too_few
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import LABELS, OBJECTIVES, PROTOCOLS

QUESTION = "Is a score's verdict changed by its protocol?"
UNTOLD = "no score has two protocols that vary over enough models"

Pair = tuple[str, str]
"""Of objectives."""


class Reading(NamedTuple):
    """One score in two protocols, of the same models."""

    score: str
    other: str
    words: str
    """What the other protocol does."""
    correlation: Correlation
    models: int
    medians: tuple[float, float]
    gaps: dict[Pair, tuple[Gap, Gap]]
    """Between objectives, by either protocol; none with one seed."""


class Judged(NamedTuple):
    """What is clear of a reading, among all."""

    one: Reading
    near: int
    """1 where models rank closely in both protocols, -1 where they do not, 0 where that is open."""
    better: dict[Pair, tuple[int, int]]
    """By either protocol 1 where the first objective of a pair has the higher mean, -1 where the second, or 0."""

    @property
    def reversed_pairs(self) -> list[Pair]:
        """Pairs of which the first is better by the one protocol and the second by the other."""
        return [pair for pair, (a, b) in self.better.items() if a * b < 0]

    @property
    def decided_pairs(self) -> int:
        """How many pairs both protocols decide."""
        return sum(a * b != 0 for a, b in self.better.values())


def readings(results: Results) -> list[Reading]:
    """Every score with a second protocol that varies over enough models in both."""
    every = [_reading_of(results, score, *other) for score, others in PROTOCOLS.items() for other in others]
    return [one for one in every if one is not None]


def _reading_of(results: Results, score: str, other: str, words: str) -> Reading | None:
    rows = results.ranked((score, other))
    if few(results, rows):
        return None
    columns = results.columns((score, other))
    correlation = correlations((score, other), columns[rows], results.cell[rows]).of(score, other)
    if np.isnan(correlation.value):
        return None
    first, second = (gaps(results, column, rows) for column in columns.T)
    medians = (float(np.median(columns[rows, 0])), float(np.median(columns[rows, 1])))
    both = {pair: (first[pair], second[pair]) for pair in first}
    return Reading(score, other, words, correlation, int(rows.sum()), medians, both)


def judged(found: list[Reading]) -> list[Judged]:
    """Correlations are one family, comparisons of objectives another."""
    near = sides([one.correlation for one in found], CLOSE)
    clear = iter(holm([gap.p for one in found for both in one.gaps.values() for gap in both]))
    better = [
        {pair: (_sign(a, next(clear)), _sign(b, next(clear))) for pair, (a, b) in one.gaps.items()} for one in found
    ]
    return [Judged(*parts) for parts in zip(found, near, better, strict=True)]


def _sign(gap: Gap, clear: np.bool_) -> int:
    return int(np.sign(gap.value)) * int(clear)


def about_protocol(results: Results) -> Answer:
    """Whether a second protocol ranks models as the first does, and reverses which objective is better."""
    found = readings(results)
    lacking = _lacking(results, found)
    if not found:
        return Answer("protocol", QUESTION, f"This study cannot tell: {UNTOLD}.", tuple(lacking))
    if not results.config.several_seeds:
        short = f"Readings of one seed: rank correlations between two protocols of one score are {_names(found)}."
        return Answer("protocol", QUESTION, short, tuple([*(_sentence(results, one) for one in found), *lacking]))
    judgements = judged(found)
    details = [_sentence(results, one.one) + _of_objectives(one) for one in judgements]
    return Answer("protocol", QUESTION, _verdict(judgements), tuple([*details, *_how(found), *lacking]))


def _lacking(results: Results, found: list[Reading]) -> list[str]:
    """Second protocols of which nothing is told, and models that are left out of what is."""
    known = {one.other for one in found}
    said = []
    for score, others in PROTOCOLS.items():
        for other, _ in others:
            rows = results.ranked((score, other))
            if other not in known:
                why = too_few(results, rows) if few(results, rows) else "one of the two does not vary"
                said.append(f"{LABELS[other]} is not compared: {why}.")
            else:
                said += left_out(results, {name: LABELS[name] for name in (score, other)})
    return list(dict.fromkeys(said))


def _verdict(found: list[Judged]) -> str:
    reverse = [one for one in found if one.reversed_pairs]
    apart = [one for one in found if one.near < 0]
    if reverse or apart:
        parts = (
            ("which of two objectives is better is clearly reversed for", reverse),
            (f"models clearly do not rank closely (the correlation is below {CLOSE:g}) for", apart),
        )
        said = "; ".join(f"{part} {_names([one.one for one in ones])}" for part, ones in parts if ones)
        changed = len({one.one.other for one in (*reverse, *apart)})
        return f"Yes, in {changed} of {counted(len(found), 'second protocol', 'second protocols')}: {said}."
    decided = sum(one.decided_pairs for one in found)
    unchanged = (
        f"of {counted(decided, 'comparison', 'comparisons')} of objectives that both protocols decide none is reversed"
        if decided
        else "no comparison of objectives is decided by both protocols"
    )
    if still_open := [one.one for one in found if one.near == 0]:
        closely = f"whether models rank closely as in the first (above {CLOSE:g}) is open for {_names(still_open)}"
        return f"Not shown: {unchanged}, but {closely}."
    each = "the one second protocol" if len(found) == 1 else f"each of {len(found)} second protocols"
    word = "No" if decided else "Not for the ranks of models"
    return f"{word}: in {each} models rank closely as in the first (clearly above {CLOSE:g}), and {unchanged}."


def _names(ones: list[Reading]) -> str:
    return listed([f"{LABELS[one.other]} {decimals(one.correlation.value, 2)}" for one in ones])


def _sentence(results: Results, one: Reading) -> str:
    first, second = (decimals(median, 3) for median in one.medians)
    return (
        f"{LABELS[one.score]}, {one.words}: rank correlation with the paper's {told(one.correlation, results)} "
        f"{over(one.models, results)}, medians {first} (paper's) and {second}."
    )


def _of_objectives(one: Judged) -> str:
    """A sentence more, where objectives can be compared."""
    if not one.better:
        return ""
    by_first, by_second = (sum(both[i] != 0 for both in one.better.values()) for i in range(2))
    reverse = [f"{OBJECTIVES[a]} and {OBJECTIVES[b]}" for a, b in one.reversed_pairs]
    pairs = counted(len(one.better), "pair", "pairs")
    return (
        f" Of {pairs} of objectives the first protocol clearly tells {by_first} apart and the second {by_second}; they "
        f"reverse {listed(reverse) or 'none'}."
    )


def _how(found: list[Reading]) -> list[str]:
    """What "clearly" means here."""
    said = [together(len(found), "correlation", "correlations", f"{CLOSE:g}")]
    if comparisons := sum(2 * len(one.gaps) for one in found):
        said.append(
            "Objectives are compared by their means over strengths, of the models that have both readings and are in "
            "use, where a strength has two of them or more: by Welch's test, since the models of two objectives share "
            f"nothing, and by Holm (1979) at 5 % for all {comparisons} comparisons together."
        )
    return said
