"""What is lost: of which factors, of which images, and of disentanglement."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, listed, plus_minus
from pyvae.report.statistics import Array, Interval, t_interval
from pyvae.studies.biased_sprites.biases import label
from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES, Kind
from pyvae.studies.biased_sprites.findings.robustness import is_above, scaled
from pyvae.studies.biased_sprites.measures import PARTS, RECOVERED, SCORES, name_of
from pyvae.studies.biased_sprites.results import Results

WORDS = {"often": "not made rarer", "rare": "made rarer"}
NAMES = {
    "active_latents": "the number of active latents",
    "mig": "MIG",
    "minimality": "minimality",
    "sufficiency": "sufficiency",
}


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
                lost = t_interval(shares[0] - shares[-1])
                out.append(Loss(objective, bias, factor, t_interval(shares[0]).mean, lost))
    return out


def about_factors(results: Results) -> Answer:
    """Which factors are told less of."""
    found = [loss for loss in losses(results) if not np.isnan(loss.lost.mean)]
    question = "Which factors does a biased model tell less of?"
    clear = [loss for loss in found if is_above(loss.lost)]
    if not found:
        return Answer("factors", question, "No model gives a value.", ())
    if not clear:
        return Answer("factors", question, "No factor's loss can be told from zero.", _by_bias(found))
    worst = max(clear, key=lambda loss: loss.lost.mean)
    reads = "reads as" if results.seeds == 1 else "is"
    short = (
        f"At β = {results.reference:g} the largest loss {reads} that of {worst.factor} under {worst.bias} "
        f"({worst.objective}): {plus_minus(worst.lost)} of its ceiling, from {decimals(worst.without, 3)}."
    )
    return Answer("factors", question, short, _by_bias(found))


def _by_bias(found: Sequence[Loss]) -> tuple[str, ...]:
    lines: dict[tuple[str, str], list[str]] = {}
    for loss in found:
        change = plus_minus(scaled(loss.lost, -1), signed=True)
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
            details.append(f"{objective}, {label(kind, strength)}: {_two_parts(often, rare, kind)}.")
            further.append((objective, kind, t_interval((rare[1] - rare[0]) - (often[1] - often[0]))))
    short = _parts_verdict(results, further)
    return Answer("parts", question, short, (*details, *_parts_scores(results, j)))


def _two_parts(often: Array, rare: Array, kind: Kind) -> str:
    """Shares without and with the bias in each part."""
    parts = [
        f"of images {words} models without bias recover {plus_minus(t_interval(part[0]))}, biased ones "
        f"{plus_minus(t_interval(part[1]))} ({plus_minus(t_interval(part[1] - part[0]), signed=True)})"
        for words, part in ((_words("often", kind), often), (_words("rare", kind), rare))
    ]
    return "; ".join(parts)


def _words(part: str, kind: Kind) -> str:
    return WORDS[part] if kind.weighable else {"often": "that stayed", "rare": "never drawn"}[part]


def _parts_verdict(results: Results, found: Sequence[tuple[str, Kind, Interval]]) -> str:
    """By how much more is lost of rare images than of the others."""
    known = [(name, kind, gap) for name, kind, gap in found if not np.isnan(gap.mean)]
    if not known:
        return "No model gives a value."
    worse = [one for one in known if is_above(scaled(one[2], -1))]
    rest = len(known) - len(worse)
    reads = "reads as" if results.seeds == 1 else "is"
    if not worse:
        return f"No: at β = {results.reference:g} under none of {len(known)} biases {reads} the loss larger there."
    said = listed([f"{plus_minus(gap, signed=True)} under {kind.noun} ({name})" for name, kind, gap in worse])
    others = f" Under the other {rest} it is not." if rest and results.seeds > 1 else ""
    at = f"At β = {results.reference:g} the loss {reads} larger there"
    return f"{at}: the share's change, less that of the other images, {reads} {said}.{others}"


def _parts_scores(results: Results, j: int) -> tuple[str, ...]:
    """Scores within each part of what removals leave and take."""
    out = []
    for objective in OBJECTIVE_NAMES:
        for kind in (kind for kind in KINDS if not kind.weighable):
            strength = float(results.strengths(kind)[-1])
            for part in PARTS:
                pairs = {name: results.part(objective, kind, strength, part, name)[:, j] for name in SCORES}
                values = {name: (t_interval(first), t_interval(second)) for name, (first, second) in pairs.items()}
                said = [
                    f"{NAMES[name]} {plus_minus(before)} without, {plus_minus(after)} with it"
                    for name, (before, after) in values.items()
                    if not np.isnan((before.mean, after.mean)).all()
                ]
                if said:
                    out.append(f"{objective}, {label(kind, strength)}, images {_words(part, kind)}: {listed(said)}.")
    return tuple(out)


def about_scores(results: Results) -> Answer:
    """How MIG, minimality, sufficiency and active latents change on the unbiased grid."""
    question = "What becomes of disentanglement on the unbiased test set?"
    counts, details = [], []
    for name in SCORES:
        changes = [
            t_interval(scores[-1, j] - scores[0, j])
            for objective in OBJECTIVE_NAMES
            for kind in KINDS
            for scores in [results.scores(objective, kind, name)]
            for j in range(len(results.betas))
        ]
        known = [change for change in changes if not np.isnan(change.mean)]
        down = sum(change.below_zero if change.known else change.mean < 0 for change in known)
        up = sum(change.above_zero if change.known else change.mean > 0 for change in known)
        counts.append(f"{NAMES[name]} lower in {down} and higher in {up}")
        if known:
            mean = decimals(float(np.mean([change.mean for change in known])), 3, signed=True)
            details.append(f"Over {len(known)} pairs the mean change of {NAMES[name]} is {mean}.")
    total = len(OBJECTIVE_NAMES) * len(KINDS) * len(results.betas)
    told = "one seed reads" if results.seeds == 1 else f"{results.seeds} seeds show, beyond their noise,"
    short = f"Of {total} pairs of models with the strongest bias and without any, {told} {listed(counts)}."
    return Answer("scores", question, short, tuple(details))
