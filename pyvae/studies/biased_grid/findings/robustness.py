"""The main finding in words: does a larger beta buy robustness to bias, once collapse is accounted for?"""

import math

from pyvae.report.answer import Answer, plus_minus
from pyvae.report.statistics import Interval
from pyvae.studies.biased_grid.findings.comparison import Robustness, robustness
from pyvae.studies.biased_grid.results import Results, reference_beta


def about_robustness(results: Results) -> Answer:
    """Does a larger beta make recovery less sensitive to bias, once collapse is accounted for?"""
    reference = reference_beta(results.betas)
    rows = robustness(results)
    larger = [row for row in rows if row.beta > reference]
    details = [_robustness_sentence(row, reference) for row in rows if row.beta != reference]
    base = next(row for row in rows if row.beta == reference)
    changes = "" if math.isnan(base.slope.mean) else f"That share changes by {plus_minus(base.slope)} per unit of μ. "
    details.insert(
        0,
        f"β = {reference:g} recovers {plus_minus(base.share)} of the ceiling on average over μ. {changes}"
        f"It keeps latents in use in every seed at {base.in_use} of {len(results.mus)} values of μ.",
    )
    details.append(_interval_note(len(results.seeds)))
    question = "Does a larger β make the VAE more robust to biased training data, once collapse is accounted for?"
    return Answer("robustness", question, _robustness_verdict(larger, reference, len(results.seeds)), tuple(details))


def _robustness_verdict(larger: list[Robustness], reference: float, seeds: int) -> str:
    if not larger:
        return f"This study has no β above {reference:g}, so it cannot say."
    compared = [row for row in larger if len(row.shared) > 1 and not math.isnan(row.shared_slope_gain.mean)]
    if not compared:
        return (
            f"This study cannot tell: there are no two values of μ at which both β = {reference:g} and a larger β keep "
            "latents in use. Models whose latents have collapsed look insensitive to bias, since they learned nothing."
        )
    if seeds == 1:
        return _readings(compared, reference)
    bought = [row.beta for row in compared if _flatter(row) and not _lower(row)]
    traded = [row.beta for row in compared if _flatter(row) and _lower(row)]
    unsettled = [row.beta for row in compared if _undecided(row.shared_slope_gain)]
    if bought:
        return (
            f"Yes, for {_betas(bought)}: where both are in use, the recovered share holds up better as μ grows than "
            f"at β = {reference:g}, without being lower."
        )
    if traded:
        return (
            f"No. For {_betas(traded)} the recovered share holds up better as μ grows than at β = {reference:g}, but "
            f"it is lower on average: there is less to lose."
        )
    if unsettled:
        return (
            f"Not shown: for {_betas(unsettled)} the difference from β = {reference:g} in how the recovered share "
            "depends on μ cannot be told from zero, and no larger β is clearly better."
        )
    return (
        f"No: where both are in use, the recovered share holds up worse as μ grows for every β above {reference:g} "
        f"that can be compared than at β = {reference:g}."
    )


def _readings(compared: list[Robustness], reference: float) -> str:
    """What one seed shows: which way the numbers point, and that they prove nothing."""
    flatter = [row.beta for row in compared if row.shared_slope_gain.mean > 0]
    steeper = [row.beta for row in compared if row.shared_slope_gain.mean <= 0]
    parts = [f"{way} for {_betas(betas)}" for way, betas in (("better", flatter), ("worse", steeper)) if betas]
    return (
        "One seed gives readings, not an answer: where both are in use, the recovered share reads as holding up "
        f"{' and '.join(parts)} as μ grows than at β = {reference:g}."
    )


def _flatter(row: Robustness) -> bool:
    gain = row.shared_slope_gain
    return gain.above_zero if gain.known else gain.mean > 0


def _undecided(gain: Interval) -> bool:
    return gain.known and not (gain.above_zero or gain.below_zero)


def _lower(row: Robustness) -> bool:
    gain = row.shared_share_gain
    return gain.below_zero if gain.known else gain.mean < 0


def _robustness_sentence(row: Robustness, reference: float) -> str:
    head = f"β = {row.beta:g} recovers {plus_minus(row.share)} of the ceiling on average over μ. "
    if row.in_use == 0:
        return head + (
            "At no μ does every seed keep an active latent: it has collapsed, and there is nothing to be robust with."
        )
    if len(row.shared) < 2:
        return head + (
            f"It is in use together with β = {reference:g} at {len(row.shared)} "
            f"value{'' if len(row.shared) == 1 else 's'} of μ only, too few for a slope."
        )
    gain, level = row.shared_slope_gain, row.shared_share_gain
    if _undecided(gain):
        shape = f"its slope against μ cannot be told from that of β = {reference:g}"
    else:
        shape = f"its share holds up {'better' if gain.mean > 0 else 'worse'} as μ grows than that of β = {reference:g}"
    return head + (
        f"Over the {len(row.shared)} values of μ from {row.shared[0]:g} to {row.shared[-1]:g} where both are in use, "
        f"{shape} (slopes differ by {plus_minus(gain, signed=True)} per unit of μ), and its share differs by "
        f"{plus_minus(level, signed=True)}."
    )


def _interval_note(seeds: int) -> str:
    if seeds == 1:
        return "With one seed no interval is available: differences are single readings, not evidence."
    return f"± is half the 95 % t interval over {seeds} seeds; differences are taken seed by seed."


def _betas(values: list[float]) -> str:
    return "β = " + ", ".join(f"{beta:g}" for beta in values)
