"""Robustness in words, for any study: the verdict on strengths above the reference, and what its numbers mean."""

from collections.abc import Mapping

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import listed
from pyvae.report.robustness import MARGIN, Ends, Finding, Robustness, answer_of
from pyvae.report.statistics import Interval, simultaneous

SHARE = "the recovered share"


def verdict_sentence(named: Mapping[Finding, str], reference: float, when: str) -> str:
    """What was found, best first: "Yes, in part: as the bias grows, the recovered share …".

    Args:
        named: for each finding, one at least, what it was made of, as a sentence has it.
        reference: the β that others are compared with.
        when: "as the bias grows".
    """
    words = {
        Finding.BOUGHT: f"{SHARE} holds up better than at β = {reference:g}, and is at most {MARGIN:g} lower, for",
        Finding.THINNED: f"{SHARE} holds up better than at β = {reference:g}, and is at most {MARGIN:g} lower, but "
        "with fewer latents in use (partly collapsed), for",
        Finding.LEVEL_OPEN: f"{SHARE} holds up better than at β = {reference:g}, but whether it is lower is open, for",
        Finding.STEEPER: f"{SHARE} holds up worse than at β = {reference:g} for",
        Finding.TRADED: f"{SHARE} holds up better but is lower on average, so that there is less to lose, for",
        Finding.UNDECIDED: f"the difference from β = {reference:g} cannot be told from zero for",
        Finding.UNKNOWN: "there is no interval, since seeds do not differ, for",
    }
    said = "; ".join(f"{text} {named[finding]}" for finding, text in words.items() if finding in named)
    return f"{answer_of(list(named)).value}: {when}, {said}."


def reading_of(gain: Interval) -> str:
    """Which way a difference of slopes points that has no interval."""
    return "better" if gain.mean > 0 else "worse" if gain.mean < 0 else "alike"


def readings_sentence(named: Mapping[str, str], reference: float, when: str) -> str:
    """What one seed shows: which way the numbers point (`reading_of`, with what each is named), and no more."""
    said = "; ".join(f"{way} for {names}" for way, names in named.items())
    return (
        f"One seed gives readings, not an answer: {when}, {SHARE} reads as holding up {said}, beside β = {reference:g}."
    )


def latents_in_use(row: Robustness, reference: float, axis: str) -> str:
    """How many latents either strength has at the ends of the biases they share, which `axis` ("μ =") introduces."""
    first, last = (f"{axis} {bias:g}" for bias in (row.shared[0], row.shared[-1]))
    if first == last:
        own, other = (f"{decimals(ends.first, 1)}" for ends in (row.active, row.reference_active))
        return f"{own} latents in use at {first}, beside {other} at β = {reference:g}"
    return (
        f"{_numbers(row.active)} latents in use at {first} and {last}, beside {_numbers(row.reference_active)} at "
        f"β = {reference:g}"
    )


def _numbers(ends: Ends) -> str:
    return listed([decimals(mean, 1) for mean in (ends.first, ends.last)])


def interval_note(seeds: int, comparisons: int) -> str:
    """What ± means, and what the words of a verdict rest on that speaks of so many comparisons."""
    if seeds == 1:
        return "With one seed no interval is available: differences are single readings, not evidence."
    note = (
        f"± is half the 95 % t interval over {seeds} seeds, that of a difference by Welch: models of two strengths or "
        "biases are independent."
    )
    if comparisons < 2:
        return note
    every = "both" if comparisons == 2 else f"all {comparisons}"
    return (
        f"{note} Each stands alone there; the verdict's better, worse and lower rest on intervals of "
        f"{decimals(100 * simultaneous(comparisons), 1)} %, so that {every} of its comparisons hold at once in 95 of "
        "100 studies."
    )
