"""The importance-weighted answer: how much of the gap to unbiased training do weights close, at what sample size?"""

import math
from typing import NamedTuple

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, listed, plus_minus
from pyvae.report.statistics import Interval, ratio_interval, t_interval
from pyvae.studies.biased_sprites.biases import label
from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES, Group, Kind
from pyvae.studies.biased_sprites.findings.robustness import is_above
from pyvae.studies.biased_sprites.results import Results


class Closed(NamedTuple):
    """One objective, bias and β: shares of the ceiling by three trainings, and how they differ."""

    objective: str
    kind: Kind
    strength: float
    beta: float
    unbiased: Interval
    biased: Interval
    weighted: Interval
    gap: Interval
    """Unbiased less biased."""
    gain: Interval
    """Weighted less biased."""
    share: Interval
    """The gain over the gap, of their means over seeds."""

    @property
    def has_gap(self) -> bool:
        """Whether there is something to close, as far as the seeds can tell."""
        return is_above(self.gap)


def closed(results: Results) -> list[Closed]:
    """Every objective, weighable bias and β."""
    out = []
    for objective in OBJECTIVE_NAMES:
        unbiased = results.unbiased(objective)
        for kind in (kind for kind in KINDS if kind.weighable):
            for strength in results.config.biases_of(kind):
                biased = results.share(Group(objective, kind), strength)
                weighted = results.share(Group(objective, kind, weighted=True), strength)
                for j, beta in enumerate(results.betas):
                    gap, gain = unbiased[j] - biased[j], weighted[j] - biased[j]
                    shares = (t_interval(unbiased[j]), t_interval(biased[j]), t_interval(weighted[j]))
                    differences = (t_interval(gap), t_interval(gain), ratio_interval(gain, gap))
                    out.append(Closed(objective, kind, strength, float(beta), *shares, *differences))
    return out


def about_weights(results: Results) -> Answer:
    """Verdict, each objective, bias and β, and what weighted batches are worth."""
    question = "How much of the gap to unbiased training do importance weights close, at which effective sample size?"
    found = [one for one in closed(results) if not math.isnan(one.gain.mean)]
    details = [_sentence(one) for one in found]
    details += [_worth(results, kind, s) for kind in KINDS if kind.weighable for s in results.config.biases_of(kind)]
    details.append("Removals have no weights: what is never drawn cannot be weighed, and they are left out here.")
    return Answer("weights", question, _verdict(results, found), tuple(details))


def _verdict(results: Results, found: list[Closed]) -> str:
    if not found:
        return "No weighted model gives a value."
    gaps = [one for one in found if one.has_gap]
    if not gaps:
        return f"In none of {len(found)} cells is there a gap that can be told from zero, so there is nothing to close."
    best = max(gaps, key=lambda one: one.share.mean)
    worst = min(gaps, key=lambda one: one.share.mean)
    if results.seeds == 1:
        return (
            f"One seed gives readings: from {_percent(worst.share)} ({_named(worst)}) to {_percent(best.share)} "
            f"({_named(best)}) of the gap, {_images(results, worst)} and {_images(results, best)}."
        )
    helped = [one for one in gaps if one.gain.above_zero]
    harmed = [one for one in gaps if one.gain.below_zero]
    parts = [
        f"{len(helped)} of {len(gaps)} gaps are narrowed" if helped else f"none of {len(gaps)} gaps is narrowed",
        *([f"{len(harmed)} widened"] if harmed else []),
    ]
    return (
        f"Beyond the noise of {results.seeds} seeds {listed(parts)}: weights close {_percent(worst.share)} "
        f"({_named(worst)}, {_images(results, worst)}) to {_percent(best.share)} ({_named(best)}, "
        f"{_images(results, best)}) of the gap."
    )


def _percent(share: Interval) -> str:
    half = f" ± {decimals(100 * share.half, 0)}" if share.known else ""
    return f"{decimals(100 * share.mean, 0)}{half} %"


def _named(one: Closed) -> str:
    return f"{one.objective}, {label(one.kind, one.strength)}, β = {one.beta:g}"


def _images(results: Results, one: Closed) -> str:
    worth = results.fact(one.kind, one.strength, "effective_share") * results.config.training.batch_size
    return f"a batch worth {worth:.1f} images"


def _sentence(one: Closed) -> str:
    shares = (
        f"{_named(one)}: {plus_minus(one.unbiased)} by unbiased training, {plus_minus(one.biased)} by biased, "
        f"{plus_minus(one.weighted)} by weighted"
    )
    if not one.has_gap:
        return f"{shares}: no gap that can be told from zero ({plus_minus(one.gap, signed=True)})."
    return f"{shares}: {_percent(one.share)} of a gap of {plus_minus(one.gap)} is closed."


def _worth(results: Results, kind: Kind, strength: float) -> str:
    batch = results.config.training.batch_size
    share, read = (results.fact(kind, strength, name) for name in ("effective_share", "batch_effective"))
    return (
        f"Under {label(kind, strength)} a weighted image is worth {share:.2%} of an unbiased one, (E w)² / E w², and a "
        f"batch of {batch} {share * batch:.1f}; its own weights read {read:.1f} on average, which flatters, since the "
        "largest seldom come."
    )
