"""Is a score's verdict changed by its protocol, and what does a rotation of the code do?"""

from typing import NamedTuple

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, listed
from pyvae.report.statistics import Array, t_interval
from pyvae.studies.agreement.findings.correlation import CLOSE, Correlation, correlations
from pyvae.studies.agreement.findings.words import FEWEST, counted, over, told, too_few
from pyvae.studies.agreement.measures import UNROTATED
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import LABELS, OBJECTIVES, PROTOCOLS

QUESTION = "Is a score's verdict changed by its protocol?"
QUESTION_OF_ROTATION = "What does a rotation of the code do, which no likelihood can see?"
MOVES, MOST = 0.01, 2 / 3
"""A score has fallen, or risen, that did so by as much in the median, and in as large a share of the models."""


class Reading(NamedTuple):
    """One score in two protocols."""

    score: str
    other: str
    words: str
    """What the other protocol does."""
    correlation: Correlation
    models: int
    medians: tuple[float, float]
    reversed_pairs: tuple[tuple[str, str], ...]
    """Pairs of objectives of which the first is better by the one protocol and the second by the other, both times with
    an interval over seeds beyond 0."""
    decided: tuple[int, int]
    """Of how many pairs of objectives each protocol tells which is better."""


def readings(results: Results) -> list[Reading]:
    """Every score with a second protocol that enough models have in both."""
    found = []
    for score, others in PROTOCOLS.items():
        for other, words in others:
            rows = results.ranked((score, other))
            if rows.sum() >= FEWEST:
                columns = results.columns((score, other))
                correlation = correlations((score, other), columns[rows]).of(score, other)
                sides = [_better(results, name) for name in (score, other)]
                reverse = tuple(pair for pair, side in sides[0].items() if side * sides[1][pair] < 0)
                decided = tuple(sum(side != 0 for side in one.values()) for one in sides)
                medians = tuple(float(np.median(columns[rows][:, i])) for i in range(2))
                found.append(Reading(score, other, words, correlation, int(rows.sum()), medians, reverse, decided))  # type: ignore[arg-type]
    return found


def _better(results: Results, name: str) -> dict[tuple[str, str], int]:
    """Of each pair of objectives 1 where the first has a better mean over strengths, -1 where the second, 0 where the
    95 % interval of their difference over seeds holds 0 or there is one seed.
    """
    values, seeds = results.column(name), np.unique(results.seed)
    means = {
        g: np.array([_mean(values[(results.objective == i) & (results.seed == s)]) for s in seeds])
        for i, g in enumerate(results.groups)
    }
    out = {}
    for i, a in enumerate(results.groups):
        for b in results.groups[:i]:
            gain = t_interval(means[a] - means[b])
            out[a, b] = int(gain.above_zero) - int(gain.below_zero)
    return out


def _mean(values: Array) -> float:
    """Of the models that have a value; NaN where none has."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def about_protocol(results: Results) -> Answer:
    """Whether a second protocol ranks models as the first does, and reverses which objective is better."""
    found = readings(results)
    if not found:
        models = int(results.ranked(results.disentanglement).sum())
        return Answer("protocol", QUESTION, too_few(models), ())
    short = _verdict(found) if results.config.several_seeds else _reading(found)
    return Answer("protocol", QUESTION, short, tuple(_sentence(results, one) for one in found))


def _verdict(found: list[Reading]) -> str:
    reverse = [one for one in found if one.reversed_pairs]
    apart = [one for one in found if one.correlation.high < CLOSE]
    if not reverse and not apart:
        open_ = [one for one in found if not one.correlation.close]
        if open_:
            return (
                f"Not shown: no second protocol reverses which of two objectives is better, but whether models rank "
                f"closely as in the first is open for {_names(open_)}."
            )
        return (
            f"No: in each of {len(found)} second protocols models rank closely as in the first (above {CLOSE:g}), and "
            "no two objectives change places, beyond their intervals over seeds."
        )
    parts = (
        f"which of two objectives is better is reversed, beyond intervals over seeds, for {_names(reverse)}",
        f"models rank otherwise (the correlation's interval lies below {CLOSE:g}) for {_names(apart)}",
    )
    said = "; ".join(part for part, ones in zip(parts, (reverse, apart), strict=True) if ones)
    changed = {one.other for one in (*reverse, *apart)}
    return f"Yes, in {len(changed)} of {len(found)} second protocols: {said}."


def _names(ones: list[Reading]) -> str:
    return listed([f"{LABELS[one.score]} ({one.words}) {decimals(one.correlation.value, 2)}" for one in ones])


def _reading(found: list[Reading]) -> str:
    return f"Readings of one seed: rank correlations between two protocols of one score are {_names(found)}."


def _sentence(results: Results, one: Reading) -> str:
    first, second = (decimals(median, 3) for median in one.medians)
    text = (
        f"{LABELS[one.score]}, {one.words}: rank correlation with the paper's {told(one.correlation, results)} "
        f"{over(one.models, results)}, medians {first} (paper's) and {second}."
    )
    if not results.config.several_seeds:
        return text
    pairs = len(results.groups) * (len(results.groups) - 1) // 2
    by_first, by_second = one.decided
    reverse = [f"{OBJECTIVES[a]} and {OBJECTIVES[b]}" for a, b in one.reversed_pairs]
    return (
        f"{text} Of {pairs} pairs of objectives they tell {by_first} and {by_second} apart over {results.seeds} seeds, "
        f"and reverse {listed(reverse) or 'none'}."
    )


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
        return Answer("rotation", QUESTION_OF_ROTATION, too_few(0), ())
    rows = results.finite & ~np.isnan(results.column("rotated_elbo"))
    moved = np.abs(results.column("elbo") - results.column("rotated_elbo"))[rows].max()
    ways = {name: _way(one) for name, one in found.items()}
    words = {-1: "lower", 0: "without a clear change", 1: "higher"}
    sorted_out = {way: [_label(name) for name, of in ways.items() if of == way] for way in words}
    said = [f"{words[way]} {listed(names)}" for way, names in sorted_out.items() if names]
    seeds, models = results.config.evaluation.rotated_seeds, len(next(iter(found.values())).before)
    short = (
        f"The ELBO stays what it is, to {moved:.1g} nats at most. In the median over {models} models of "
        f"{counted(seeds, 'seed', 'seeds')} it leaves {'; '.join(said)}."
    )
    return Answer("rotation", QUESTION_OF_ROTATION, short, tuple(_turned(name, one) for name, one in found.items()))


def _way(one: Turned) -> int:
    """-1 for a score that falls, 1 for one that rises, 0 for one that does neither clearly."""
    change = one.after - one.before
    for way in (-1, 1):
        if np.median(way * change) >= MOVES and (way * change > 0).mean() >= MOST:
            return way
    return 0


def _turned(name: str, one: Turned) -> str:
    before, after = (decimals(float(np.median(values)), 3) for values in one)
    lower = int((one.after < one.before).sum())
    return f"{_label(name)}: median {before} before and {after} after; lower in {lower} of {len(one.before)} models."


def _label(name: str) -> str:
    return {"mig": "MIG of means", "dci": LABELS["dci_disentanglement"]}.get(name) or LABELS[name]
