"""What is lost: of which factors, of which images, and of disentanglement."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, listed, plus_minus
from pyvae.report.statistics import Array, Interval, t_interval, welch_interval
from pyvae.studies.biased_sprites.biases import label
from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES, Kind
from pyvae.studies.biased_sprites.measures import PARTS, RECOVERED, SCORES, name_of
from pyvae.studies.biased_sprites.results import Results

WORDS = {"often": "not made rarer", "rare": "made rarer"}
NAMES = {
    "active_latents": "the number of active latents",
    "mig": "MIG",
    "minimality": "minimality",
    "sufficiency": "sufficiency",
}
ALONE = "Every interval here is one of 95 % by itself, not of all at once."


class Loss(NamedTuple):
    """What the strongest bias of a kind takes from a factor's share at the reference β."""

    objective: str
    bias: str
    factor: str
    without: float
    lost: Interval


def losses(results: Results) -> list[Loss]:
    """Of every objective, kind and factor."""
    j, out = list(results.betas).index(results.reference), []
    for objective in OBJECTIVE_NAMES:
        for kind in KINDS:
            bias = label(kind, results.strengths(kind)[-1])
            for factor in results.factors:
                shares = results.shares(objective, kind, name_of(RECOVERED, factor=factor))[:, j]
                lost = welch_interval(shares[0], shares[-1])
                out.append(Loss(objective, bias, factor, t_interval(shares[0]).mean, lost))
    return out


def about_factors(results: Results) -> Answer:
    """Which factors are told less of."""
    found = [loss for loss in losses(results) if not np.isnan(loss.lost.mean)]
    question = "Which factors does a biased model tell less of?"
    if not found:
        return Answer("factors", question, "No model gives a value.", ())
    one = results.seeds == 1
    details = (*_by_bias(found), *([] if one else [ALONE]))
    clear = [loss for loss in found if (loss.lost.mean > 0 if one else loss.lost.above_zero)]
    if not clear:
        return Answer("factors", question, _no_loss(results, found), details)
    worst = max(clear, key=lambda loss: loss.lost.mean)
    largest = "the largest loss reads as" if one else "the largest loss that can be told from zero is"
    short = (
        f"At β = {results.reference:g} {largest} that of {worst.factor} under {worst.bias} "
        f"({worst.objective}): {plus_minus(worst.lost)} of its ceiling, from {decimals(worst.without, 3)}."
    )
    return Answer("factors", question, short, details)


def _no_loss(results: Results, found: Sequence[Loss]) -> str:
    if results.seeds == 1:
        return "One seed reads no factor as losing anything."
    higher = sum(loss.lost.below_zero for loss in found)
    but = f"; {higher} of {len(found)} shares are higher with the bias" if higher else ""
    return f"No factor's loss can be told from zero{but}."


def _by_bias(found: Sequence[Loss]) -> tuple[str, ...]:
    lines: dict[tuple[str, str], list[str]] = {}
    for loss in found:
        change = plus_minus(loss.lost.times(-1), signed=True)
        text = f"{loss.factor} {change} from {decimals(loss.without, 3)}"
        lines.setdefault((loss.objective, loss.bias), []).append(text)
    return tuple(f"{objective}, {bias}: {listed(texts)}." for (objective, bias), texts in lines.items())


def about_parts(results: Results) -> Answer:
    """Whether what a bias makes rare, or removes, is told worse."""
    question = "Is what was seldom or never seen told worse than what was seen often?"
    j, details, further = list(results.betas).index(results.reference), [], []
    for objective in OBJECTIVE_NAMES:
        for kind in KINDS:
            strength = float(results.strengths(kind)[-1])
            often, rare = (results.part(objective, kind, strength, part)[:, j] for part in PARTS)
            more = welch_interval(rare[1] - often[1], rare[0] - often[0])
            if not np.isnan(more.mean):
                details.append(f"{objective}, {label(kind, strength)}: {_two_parts(often, rare, kind)}.")
                further.append((objective, kind, more))
    details += _parts_scores(results, j)
    details += [ALONE] if details and results.seeds > 1 else []
    return Answer("parts", question, _parts_verdict(results, further), tuple(details))


def _two_parts(often: Array, rare: Array, kind: Kind) -> str:
    """Shares without and with the bias in each part."""
    parts = [
        f"of images {words} models without bias recover {plus_minus(t_interval(part[0]))}, biased ones "
        f"{plus_minus(t_interval(part[1]))} ({plus_minus(welch_interval(part[1], part[0]), signed=True)})"
        for words, part in ((_words("often", kind), often), (_words("rare", kind), rare))
    ]
    return "; ".join(parts)


def _words(part: str, kind: Kind) -> str:
    return WORDS[part] if kind.weighable else {"often": "that stayed", "rare": "never drawn"}[part]


def _parts_verdict(results: Results, found: Sequence[tuple[str, Kind, Interval]]) -> str:
    """By how much more is lost of rare images than of the others: each change there less that of the others, a
    difference within each model, whose means over biased and unbiased models are compared.
    """
    if not found:
        return "No model gives a value."
    one, at = results.seeds == 1, f"at β = {results.reference:g}"
    worse = [case for case in found if (case[2].mean < 0 if one else case[2].below_zero)]
    if not worse:
        return _no_worse(one, at, [gap for _, _, gap in found])
    reads = "reads as" if one else "is"
    said = listed([f"{plus_minus(gap, signed=True)} under {kind.noun} ({name})" for name, kind, gap in worse])
    rest = _other_parts([gap for _, _, gap in found if not (gap.mean < 0 if one else gap.below_zero)])
    return (
        f"A{at[1:]} the loss {reads} larger there: the share's change, less that of the other images, {reads} {said}."
        f"{rest if not one else ''}"
    )


def _no_worse(one: bool, at: str, gaps: Sequence[Interval]) -> str:
    if one:
        return f"One seed reads the loss {at} as larger there under none of {len(gaps)} biases."
    smaller = sum(gap.above_zero for gap in gaps)
    if smaller == len(gaps):
        return f"No: {at} the loss is smaller there under each of {len(gaps)} biases."
    but = f", and under {smaller} it is smaller" if smaller else ""
    return f"Not shown: {at} a larger loss there can be told under none of {len(gaps)} biases{but}."


def _other_parts(gaps: Sequence[Interval]) -> str:
    """What intervals show of the biases under which the loss is not larger, as a sentence; empty of none."""
    smaller = sum(gap.above_zero for gap in gaps)
    parts = [f"under {smaller} it is smaller"] if smaller else []
    parts += [f"under {len(gaps) - smaller} the two losses cannot be told apart"] if smaller < len(gaps) else []
    return f" Of the others: {listed(parts)}." if parts else ""


def _parts_scores(results: Results, j: int) -> list[str]:
    """Scores within each part of what removals leave and take."""
    out: list[str] = []
    for objective in OBJECTIVE_NAMES:
        for kind in (kind for kind in KINDS if not kind.weighable):
            strength = float(results.strengths(kind)[-1])
            for part in PARTS:
                pairs = {name: results.part(objective, kind, strength, part, name)[:, j] for name in SCORES}
                values = {name: (t_interval(first), t_interval(second)) for name, (first, second) in pairs.items()}
                said = [
                    f"{NAMES[name]} {plus_minus(before)} without, {plus_minus(after)} with it"
                    for name, (before, after) in values.items()
                    if not np.isnan((before.mean, after.mean)).any()
                ]
                if said:
                    out.append(f"{objective}, {label(kind, strength)}, images {_words(part, kind)}: {listed(said)}.")
    return out


def about_scores(results: Results) -> Answer:
    """How MIG, minimality, sufficiency and active latents change on the unbiased grid."""
    question = "What becomes of disentanglement on the unbiased test set?"
    one, counts, details = results.seeds == 1, [], []
    for name in SCORES:
        known = [change for change in _changes(results, name) if not np.isnan(change.mean)]
        down = sum(change.mean < 0 if one else change.below_zero for change in known)
        up = sum(change.mean > 0 if one else change.above_zero for change in known)
        counts.append(f"{NAMES[name]} lower in {down} and higher in {up}")
        if known:
            mean = decimals(float(np.mean([change.mean for change in known])), 3, signed=True)
            details.append(f"Over {len(known)} pairs the mean change of {NAMES[name]} is {mean}.{_same(known)}")
    total = len(OBJECTIVE_NAMES) * len(KINDS) * len(results.betas)
    told = "one seed reads" if one else f"{results.seeds} seeds show, beyond their noise,"
    short = f"Of {total} pairs of cells, with the strongest bias and without any, {told} {listed(counts)}."
    details += [ALONE] if details and not one else []
    return Answer("scores", question, short, tuple(details))


def _changes(results: Results, name: str) -> list[Interval]:
    """By the strongest bias of each kind, of every objective and β."""
    return [
        welch_interval(scores[-1, j], scores[0, j])
        for objective in OBJECTIVE_NAMES
        for kind in KINDS
        for scores in [results.scores(objective, kind, name)]
        for j in range(len(results.betas))
    ]


def _same(changes: Sequence[Interval]) -> str:
    """How many have no interval, since no seed differs from another, as a sentence; empty of none."""
    same = [change.mean for change in changes if change.same]
    down, up = sum(mean < 0 for mean in same), sum(mean > 0 for mean in same)
    if not same:
        return ""
    return (
        f" Of {len(same)} there is no interval, since their seeds do not differ: these are lower in {down} and higher "
        f"in {up}."
    )
