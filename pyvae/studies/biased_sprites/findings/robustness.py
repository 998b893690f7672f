"""The main finding: does a larger β, or a penalty on the total correlation alone, buy robustness to bias?"""

from collections.abc import Sequence
from dataclasses import dataclass

from pyvae.report.answer import Answer, listed, plus_minus
from pyvae.report.robustness import Finding, Robustness
from pyvae.report.statistics import Interval, t_interval
from pyvae.report.verdict import interval_note, latents_in_use, reading_of, readings_sentence, verdict_sentence
from pyvae.studies.biased_sprites.biases import label
from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES, Kind
from pyvae.studies.biased_sprites.results import Results

QUESTION = (
    "Does a larger β, or a penalty on the total correlation alone, make a VAE more robust to biased training data?"
)
WHEN = "as the bias grows"


@dataclass(frozen=True)
class Compared:
    """One β above the reference, of one objective under one kind of bias."""

    objective: str
    kind: Kind
    row: Robustness


def compared(results: Results) -> list[Compared]:
    """Those that can be compared: latents are in use at two strengths of the bias or more, as at the reference.

    Their intervals hold for all of them at once.
    """
    return _compared(results, len(_compared(results, 1)))


def _compared(results: Results, comparisons: int) -> list[Compared]:
    return [
        Compared(objective, kind, row)
        for objective in OBJECTIVE_NAMES
        for kind in KINDS
        for row in results.verdict(objective, kind, comparisons=comparisons).compared
    ]


def about_robustness(results: Results) -> Answer:
    """The verdict over all kinds of bias, and each objective and kind in numbers."""
    found = compared(results)
    details = [_sentence(results, objective, kind) for objective in OBJECTIVE_NAMES for kind in KINDS]
    note = interval_note(results.seeds, len(found))
    return Answer("robustness", QUESTION, _verdict(results, found), (*details, note))


def _verdict(results: Results, found: Sequence[Compared]) -> str:
    reference = results.reference
    if max(results.betas) <= reference:
        return f"This study has no β above {reference:g}, so it cannot say."
    if not found:
        return (
            f"This study cannot tell: no larger β keeps latents in use beside β = {reference:g} under two strengths of "
            "a bias. Models whose latents have collapsed look insensitive to bias, since they learned nothing."
        )
    if results.seeds == 1:
        ways = {way: _those(found, way) for way in ("better", "worse", "alike")}
        return readings_sentence({way: told(ones) for way, ones in ways.items() if ones}, reference, WHEN)
    groups = {finding: [one for one in found if one.row.finding is finding] for finding in Finding}
    return verdict_sentence({finding: told(ones) for finding, ones in groups.items() if ones}, reference, WHEN)


def _those(found: Sequence[Compared], way: str) -> list[Compared]:
    return [one for one in found if reading_of(one.row.shared_slope_gain) == way]


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
    counts = f", and it has {latents_in_use(row, results.reference, 'strength')}" if row.shared else ""
    if len(row.shared) < 2:
        where = "one strength of the bias only" if row.shared else "no strength of the bias"
        return f"but both are in use at {where}, so that slopes say nothing{counts}"
    gain = row.shared_slope_gain.times(row.shared[-1] - row.shared[0])
    level = plus_minus(row.shared_share_gain, signed=True)
    return (
        f"which {_way(gain)} β = {results.reference:g} ({plus_minus(gain, signed=True)} from strength "
        f"{row.shared[0]:g} to {row.shared[-1]:g}; its mean share differs by {level}{counts})"
    )


def _way(gain: Interval) -> str:
    """How a slope compares with that of the reference, up to its name."""
    if gain.undecided:
        return "cannot be told to hold up better or worse than"
    way = reading_of(gain)
    than = "as well as" if way == "alike" else f"{way} than"
    return f"{'holds' if gain.known else 'reads as holding'} up {than}"
