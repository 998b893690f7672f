"""What is lost: of which factors, and of which images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, listed, plus_minus
from pyvae.report.statistics import LEVEL, Array, Interval, simultaneous, t_interval, welch_interval
from pyvae.studies.biased_sprites.biases import label
from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES, Kind
from pyvae.studies.biased_sprites.findings.scores import NAMES
from pyvae.studies.biased_sprites.findings.together import ALONE, at_once
from pyvae.studies.biased_sprites.measures import PARTS, RECOVERED, SCORES, name_of
from pyvae.studies.biased_sprites.results import Results

WORDS = {"often": "not made rarer", "rare": "made rarer"}


class Loss(NamedTuple):
    """What the strongest bias of a kind takes from a factor's share at the reference β."""

    objective: str
    bias: str
    factor: str
    without: Array
    """Shares of models without bias, [seeds]."""
    within: Array

    def lost(self, level: float = LEVEL) -> Interval:
        """How much lower the share of biased models is."""
        return welch_interval(self.without, self.within, level)


def losses(results: Results) -> list[Loss]:
    """Of every objective, kind and factor that has a value."""
    j, out = list(results.betas).index(results.reference), []
    for objective in OBJECTIVE_NAMES:
        for kind in KINDS:
            bias = label(kind, results.strengths(kind)[-1])
            for factor in results.factors:
                shares = results.shares(objective, kind, name_of(RECOVERED, factor=factor))[:, j]
                out.append(Loss(objective, bias, factor, shares[0], shares[-1]))
    return [loss for loss in out if not np.isnan(loss.lost().mean)]


def about_factors(results: Results) -> Answer:
    """Which factors are told less of."""
    found = losses(results)
    question = "Which factors does a biased model tell less of?"
    if not found:
        return Answer("factors", question, "No model gives a value.", ())
    short = _largest_reading(results, found) if results.seeds == 1 else _largest_loss(results, found)
    return Answer("factors", question, short, (*_by_bias(found), *([ALONE] if results.seeds > 1 else [])))


def _largest_reading(results: Results, found: Sequence[Loss]) -> str:
    worst = max(found, key=lambda loss: loss.lost().mean)
    if worst.lost().mean <= 0:
        return "One seed reads no factor as losing anything."
    return f"One seed gives readings: at β = {results.reference:g} the largest loss of {len(found)} is {_told(worst)}."


def _largest_loss(results: Results, found: Sequence[Loss]) -> str:
    """Picked from all, so that all have to hold at once."""
    level, how = simultaneous(len(found)), f"({at_once(len(found))}; {results.seeds} seeds)"
    clear = [loss for loss in found if loss.lost(level).above_zero]
    if not clear:
        higher = sum(loss.lost(level).below_zero for loss in found)
        but = f"; {higher} of {len(found)} shares are higher with the bias" if higher else ""
        return f"No factor's loss can be told from zero{but} {how}."
    worst = max(clear, key=lambda loss: loss.lost(level).mean)
    one = len(clear) == 1
    return (
        f"At β = {results.reference:g} {len(clear)} of {len(found)} losses can be told from zero, "
        f"{'that is' if one else 'of which the one with the largest mean is'} {_told(worst, level)} {how}."
    )


def _told(loss: Loss, level: float = LEVEL) -> str:
    return (
        f"that of {loss.factor} under {loss.bias} ({loss.objective}), {plus_minus(loss.lost(level))} of its ceiling, "
        f"from {decimals(t_interval(loss.without).mean, 3)}"
    )


def _by_bias(found: Sequence[Loss]) -> tuple[str, ...]:
    lines: dict[tuple[str, str], list[str]] = {}
    for loss in found:
        change = plus_minus(loss.lost().times(-1), signed=True)
        text = f"{loss.factor} {change} from {decimals(t_interval(loss.without).mean, 3)}"
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
            gap = Gap(objective, kind, rare[1] - often[1], rare[0] - often[0])
            if not np.isnan(gap.more().mean):
                details.append(f"{objective}, {label(kind, strength)}: {_two_parts(often, rare, kind)}.")
                further.append(gap)
    details += _parts_scores(results, j)
    details += [ALONE] if details and results.seeds > 1 else []
    return Answer("parts", question, _parts_verdict(results, further), tuple(details))


class Gap(NamedTuple):
    """The share of images that a bias makes rare less that of the others, of biased and of unbiased models, [seeds]
    each: a difference within each model.
    """

    objective: str
    kind: Kind
    biased: Array
    unbiased: Array

    def more(self, level: float = LEVEL) -> Interval:
        """How much the bias changes it."""
        return welch_interval(self.biased, self.unbiased, level)


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


def _parts_verdict(results: Results, found: Sequence[Gap]) -> str:
    """By how much more is lost of rare images than of the others: each change there less that of the others, whose
    means over biased and unbiased models are compared, all at once.
    """
    if not found:
        return "No model gives a value."
    one, at, level = results.seeds == 1, f"at β = {results.reference:g}", simultaneous(len(found))
    changes = [(gap, gap.more(level)) for gap in found]
    worse = [(gap, change) for gap, change in changes if (change.mean < 0 if one else change.below_zero)]
    if not worse:
        return _no_worse(results, at, [change for _, change in changes])
    reads = "reads as" if one else "is"
    told = [f"{plus_minus(change, signed=True)} under {gap.kind.noun} ({gap.objective})" for gap, change in worse]
    how = "one seed" if one else f"{at_once(len(found))}; {results.seeds} seeds"
    rest = _other_parts([change for _, change in changes if not (change.mean < 0 if one else change.below_zero)])
    return (
        f"A{at[1:]} the loss {reads} larger there: the share's change, less that of the other images, {reads} "
        f"{listed(told)} ({how}).{rest if not one else ''}"
    )


def _no_worse(results: Results, at: str, changes: Sequence[Interval]) -> str:
    count = len(changes)
    if results.seeds == 1:
        return f"One seed reads the loss {at} as larger there under none of {count} biases."
    smaller, how = sum(change.above_zero for change in changes), f"({at_once(count)}; {results.seeds} seeds)"
    if smaller == count:
        return f"No: {at} the loss is smaller there under each of {count} biases {how}."
    but = f", and under {smaller} it is smaller" if smaller else ""
    return f"Not shown: {at} a larger loss there can be told under none of {count} biases{but} {how}."


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
