"""The importance-weighted answer: how much of the gap to unbiased training do weights close, at what sample size?"""

import math
from typing import NamedTuple

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, listed, plus_minus
from pyvae.report.statistics import LEVEL, Interval, closed_interval, simultaneous, t_interval, welch_interval
from pyvae.studies.biased_sprites.biases import label
from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES, Group, Kind
from pyvae.studies.biased_sprites.findings.together import ALONE, at_once
from pyvae.studies.biased_sprites.results import Results


class Closed(NamedTuple):
    """One objective, bias and β: shares of the ceiling by three trainings, and how they differ, in intervals of one
    level.
    """

    objective: str
    kind: Kind
    strength: float
    beta: float
    unbiased: Interval
    biased: Interval
    weighted: Interval
    gap: Interval
    """Unbiased less biased, whose models are independent."""
    gain: Interval
    """Weighted less biased, seed by seed: these have the same initialisation, images and noise."""
    share: Interval
    """The gain over the gap, of their means over seeds."""

    @property
    def has_gap(self) -> bool:
        """Whether there is something to close, as far as several seeds can tell."""
        return self.gap.above_zero

    @property
    def reads_as_gap(self) -> bool:
        """Whether a single seed has something to close."""
        return self.gap.seeds == 1 and self.gap.mean > 0


def closed(results: Results, level: float = LEVEL) -> list[Closed]:
    """Every objective, weighable bias and β, with a value of each training."""
    out = []
    for objective in OBJECTIVE_NAMES:
        unbiased = results.unbiased(objective)
        for kind in (kind for kind in KINDS if kind.weighable):
            for strength in results.config.biases_of(kind):
                biased = results.share(Group(objective, kind), strength)
                weighted = results.share(Group(objective, kind, weighted=True), strength)
                for j, beta in enumerate(results.betas):
                    shares = (
                        t_interval(unbiased[j], level),
                        t_interval(biased[j], level),
                        t_interval(weighted[j], level),
                    )
                    differences = (
                        welch_interval(unbiased[j], biased[j], level),
                        t_interval(weighted[j] - biased[j], level),
                        closed_interval(weighted[j], biased[j], unbiased[j], level),
                    )
                    out.append(Closed(objective, kind, strength, float(beta), *shares, *differences))
    return [one for one in out if not math.isnan(one.gain.mean + one.gap.mean)]


def about_weights(results: Results) -> Answer:
    """Verdict, each objective, bias and β, and what weighted batches are worth."""
    question = "How much of the gap to unbiased training do importance weights close, at which effective sample size?"
    found = closed(results)
    details = [_sentence(one) for one in found]
    details += [_worth(results, kind, s) for kind in KINDS if kind.weighable for s in results.config.biases_of(kind)]
    details += [ALONE] if results.seeds > 1 else []
    details.append("Removals have no weights: what is never drawn cannot be weighed, and they are left out here.")
    return Answer("weights", question, _verdict(results, found), tuple(details))


def _verdict(results: Results, found: list[Closed]) -> str:
    """Every cell may be a gap, be narrowed or widened, and have its share told: three comparisons of each."""
    if not found:
        return "No weighted model gives a value."
    if results.seeds == 1:
        return _reading(results, found)
    comparisons = 3 * len(found)
    gaps = [one for one in closed(results, simultaneous(comparisons)) if one.has_gap]
    how = f"({at_once(comparisons)}; {results.seeds} seeds)"
    if not gaps:
        return (
            f"In none of {len(found)} cells is there a gap that can be told from zero {how}, so there is nothing to "
            "close."
        )
    helped = [one for one in gaps if one.gain.above_zero]
    harmed = [one for one in gaps if one.gain.below_zero]
    open_ = len(gaps) - len(helped) - len(harmed)
    parts = [
        f"{len(helped)} narrowed" if helped else "none is narrowed",
        *([f"{len(harmed)} widened"] if harmed else []),
        *([f"for {open_} it cannot be told"] if open_ else []),
    ]
    best = max(gaps, key=lambda one: one.share.mean)
    worst = min(gaps, key=lambda one: one.share.mean)
    closes = f"{_percent(worst.share)} ({_named(worst)}, {_images(results, worst)})"
    if best is not worst:
        closes += f" to {_percent(best.share)} ({_named(best)}, {_images(results, best)})"
    are = "is a gap" if len(gaps) == 1 else "are gaps"
    return (
        f"In {len(gaps)} of {len(found)} cells there {are} that can be told from zero; of these {listed(parts)}: "
        f"weights close {closes} of the gap {how}."
    )


def _reading(results: Results, found: list[Closed]) -> str:
    """What one seed shows: of the largest gap alone, since shares of small ones are noise over noise."""
    gaps = [one for one in found if one.reads_as_gap]
    if not gaps:
        return f"One seed gives readings: in none of {len(found)} cells does biased training read as worse."
    largest = max(gaps, key=lambda one: one.gap.mean)
    return (
        f"One seed gives readings: of the largest gap, {plus_minus(largest.gap)} ({_named(largest)}), "
        f"{_percent(largest.share)} is closed by {_images(results, largest)}."
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
    if one.has_gap:
        return f"{shares}: {_percent(one.share)} of a gap of {plus_minus(one.gap)} is closed."
    if one.reads_as_gap:
        return f"{shares}: {_percent(one.share)} of a gap of {plus_minus(one.gap)} reads as closed."
    gap = plus_minus(one.gap, signed=True)
    if one.gap.below_zero:
        return f"{shares}: no gap, since biased training recovers more ({gap})."
    return f"{shares}: no gap that {'reads so' if one.gap.seeds == 1 else 'can be told from zero'} ({gap})."


def _worth(results: Results, kind: Kind, strength: float) -> str:
    batch = results.config.training.batch_size
    share, read = (results.fact(kind, strength, name) for name in ("effective_share", "batch_effective"))
    return (
        f"Under {label(kind, strength)} a weighted image is worth {share:.2%} of an unbiased one, (E w)² / E w², and a "
        f"batch of {batch} {share * batch:.1f}; its own weights read {read:.1f} on average, which flatters, since the "
        "largest seldom come."
    )
