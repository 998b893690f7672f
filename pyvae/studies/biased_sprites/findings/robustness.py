"""The main finding: does a larger β, or a penalty on the total correlation alone, buy robustness to bias?"""

from collections.abc import Sequence
from dataclasses import dataclass

from pyvae.report.answer import Answer, listed, plus_minus
from pyvae.report.robustness import Robustness
from pyvae.report.statistics import Interval, t_interval
from pyvae.studies.biased_sprites.biases import label
from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES, Kind
from pyvae.studies.biased_sprites.results import Results

QUESTION = (
    "Does a larger β, or a penalty on the total correlation alone, make a VAE more robust to biased training data?"
)
NOISE = 0.01
"""A share that one seed does not tell from zero: two models that differ in their noise alone read that far apart."""
HOLDS = "the recovered share holds up"


@dataclass(frozen=True)
class Compared:
    """One β above the reference, of one objective under one kind of bias."""

    objective: str
    kind: Kind
    row: Robustness


def compared(results: Results) -> list[Compared]:
    """Those that can be compared: latents are in use at two strengths of the bias or more, as at the reference."""
    return [
        Compared(objective, kind, row)
        for objective in OBJECTIVE_NAMES
        for kind in KINDS
        for row in results.verdict(objective, kind).compared
    ]


def about_robustness(results: Results) -> Answer:
    """The verdict over all kinds of bias, and each objective and kind in numbers."""
    details = [_sentence(results, objective, kind) for objective in OBJECTIVE_NAMES for kind in KINDS]
    if results.seeds > 1 and (comparisons := len(compared(results))) > 1:
        details.append(f"These are {comparisons} comparisons: by chance alone one in twenty would seem clear.")
    return Answer("robustness", QUESTION, _verdict(results), (*details, interval_note(results.seeds)))


def _verdict(results: Results) -> str:
    found, reference = compared(results), results.reference
    if max(results.betas) <= reference:
        return f"This study has no β above {reference:g}, so it cannot say."
    if not found:
        return (
            f"This study cannot tell: no larger β keeps latents in use beside β = {reference:g} under two strengths of "
            "a bias. Models whose latents have collapsed look insensitive to bias, since they learned nothing."
        )
    if results.seeds == 1:
        return _readings(found, reference)
    flatter = [one for one in found if one.row.shared_slope_gain.above_zero]
    bought = [one for one in flatter if not one.row.shared_share_gain.below_zero]
    traded = [one for one in flatter if one.row.shared_share_gain.below_zero]
    steeper = [one for one in found if one.row.shared_slope_gain.below_zero]
    open_ = [one for one in found if one.row.shared_slope_gain.undecided]
    parts = [
        (bought, f"{HOLDS} better than at β = {reference:g}, without being lower, for"),
        (steeper, f"{HOLDS} worse than at β = {reference:g} for"),
        (traded, "it holds up better but is lower on average, so that there is less to lose, for"),
        (open_, "the difference cannot be told from zero for"),
    ]
    said = "; ".join(f"{words} {told(group)}" for group, words in parts if group)
    no, yes = "Not shown" if open_ else "No", "Yes" if len(bought) == len(found) else "Yes, in part"
    verdict = yes if bought else no
    return f"{verdict}: as the bias grows, {said}."


def _readings(found: Sequence[Compared], reference: float) -> str:
    better = [one for one in found if one.row.shared_slope_gain.mean > 0]
    worse = [one for one in found if one.row.shared_slope_gain.mean <= 0]
    parts = [f"{way} for {told(group)}" for way, group in (("better", better), ("worse", worse)) if group]
    return (
        f"One seed gives readings, not an answer: as the bias grows, {HOLDS.replace('holds', 'reads as holding')} "
        f"{'; '.join(parts)}, beside β = {reference:g}."
    )


def told(found: Sequence[Compared]) -> str:
    """Which they are: "β = 4 of beta-vae under skew and removal"."""
    kinds: dict[tuple[str, float], list[str]] = {}
    for one in found:
        kinds.setdefault((one.objective, one.row.strength), []).append(one.kind.noun)
    return listed([f"β = {beta:g} of {name} under {listed(under)}" for (name, beta), under in kinds.items()])


def _sentence(results: Results, objective: str, kind: Kind) -> str:
    """The shares without and with the strongest bias, and how each β compares."""
    rows = results.robustness(objective, kind)
    reference = next(row for row in rows if row.strength == results.reference)
    parts = [_level(results, objective, kind, reference)]
    for row in rows:
        if row.strength != results.reference:
            parts.append(f"{_level(results, objective, kind, row)}, {_gain(results, kind, row)}")
    return f"{objective}, {kind.noun}: {'; '.join(parts)}."


def _level(results: Results, objective: str, kind: Kind, row: Robustness) -> str:
    shares = results.shares(objective, kind)[:, list(results.betas).index(row.strength)]
    strongest = label(kind, results.strengths(kind)[-1])
    first, last = t_interval(shares[0]), t_interval(shares[-1])
    return f"β = {row.strength:g} recovers {plus_minus(first)} without bias and {plus_minus(last)} at {strongest}"


def _gain(results: Results, kind: Kind, row: Robustness) -> str:
    if len(row.shared) < 2:
        return f"but both are in use at {len(row.shared)} strengths of the bias only, so that slopes say nothing"
    span = row.shared[-1] - row.shared[0]
    gain = scaled(row.shared_slope_gain, span)
    level = plus_minus(row.shared_share_gain, signed=True)
    if not gain.known:
        way = f"which reads as holding up {'better' if gain.mean > 0 else 'worse'}"
    elif gain.undecided:
        way = "which holds up neither better nor worse beyond the noise"
    else:
        way = "which holds up better" if gain.above_zero else "which holds up worse"
    return (
        f"{way} than at β = {results.reference:g} ({plus_minus(gain, signed=True)} from strength "
        f"{row.shared[0]:g} to {row.shared[-1]:g}; its mean share differs by {level})"
    )


def scaled(interval: Interval, factor: float) -> Interval:
    """An interval times a number."""
    return Interval(factor * interval.mean, abs(factor) * interval.half, interval.seeds)


def is_above(difference: Interval) -> bool:
    """Whether a difference of shares is above zero as far as its seeds can tell; a single one has to exceed NOISE."""
    return difference.above_zero or (not difference.known and difference.mean > NOISE)


def interval_note(seeds: int) -> str:
    """What ± means."""
    if seeds == 1:
        return "With one seed no interval is available: differences are single readings, not evidence."
    return f"± is half the 95 % t interval over {seeds} seeds; differences are taken seed by seed."
