"""The main finding in words: does a larger beta buy robustness to bias, once collapse is accounted for?"""

import math
from collections.abc import Sequence

from pyvae.report.answer import Answer, listed, plus_minus
from pyvae.report.robustness import Robustness, Verdict
from pyvae.studies.biased_grid.findings.comparison import robustness, verdict
from pyvae.studies.biased_grid.findings.training import how_to_settle, warm_up
from pyvae.studies.biased_grid.results import Results


def about_robustness(results: Results) -> Answer:
    """Does a larger beta make recovery less sensitive to bias, once collapse is accounted for?"""
    reference = results.reference
    rows = robustness(results)
    details = [warning] if (warning := warm_up(results.config)) else []
    details.append(_reference_sentence(results, next(row for row in rows if row.strength == reference)))
    details += [_robustness_sentence(results, row) for row in rows if row.strength != reference]
    details.append(_interval_note(len(results.seeds)))
    question = "Does a larger β make the VAE more robust to biased training data, once collapse is accounted for?"
    return Answer("robustness", question, _robustness_verdict(results), tuple(details))


def _robustness_verdict(results: Results) -> str:
    found, reference = verdict(results), results.reference
    if not found.larger:
        return f"This study has no β above {reference:g}, so it cannot say."
    if not found.compared:
        return (
            f"This study cannot tell: there are no two values of μ at which both β = {reference:g} and a larger β keep "
            "latents in use. Models whose latents have collapsed look insensitive to bias, since they learned nothing."
        )
    if not any(row.shared_slope_gain.known for row in found.compared):
        return _readings(found.compared, reference)
    if found.bought:
        return (
            f"Yes, for {_betas(found.bought)}: where both are in use, the recovered share holds up better as μ grows "
            f"than at β = {reference:g}, without being lower."
        )
    if found.traded:
        return (
            f"No. For {_betas(found.traded)} the recovered share holds up better as μ grows than at β = "
            f"{reference:g}, but it is lower on average: there is less to lose."
        )
    if found.open:
        return (
            f"Not shown: for {_betas(found.unsettled)} the difference from β = {reference:g} in how the recovered "
            f"share depends on μ cannot be told from zero, and no larger β is clearly better. {_clear(found)}"
            f"{how_to_settle(results.config)}"
        )
    return (
        f"No: where both are in use, the recovered share holds up worse as μ grows for every β above {reference:g} "
        f"that can be compared than at β = {reference:g}."
    )


def _clear(found: Verdict) -> str:
    """What intervals show although they leave the question open, as a sentence; empty where they show nothing."""
    levels = [
        f"by {plus_minus(row.shared_share_gain, signed=True)} at β = {row.strength:g}"
        for row in found.compared
        if row.shared_share_gain.known and not row.shared_share_gain.undecided
    ]
    parts = [f"for {_betas(found.steeper)} the share holds up worse"] if found.steeper else []
    parts += [f"where both are in use, the share itself differs {listed(levels)}"] if levels else []
    return f"What is clear: {'; '.join(parts)}. " if parts else ""


def _readings(compared: Sequence[Robustness], reference: float) -> str:
    """What one seed shows: which way the numbers point, and that they prove nothing."""
    flatter = [row for row in compared if row.shared_slope_gain.mean > 0]
    steeper = [row for row in compared if row.shared_slope_gain.mean <= 0]
    parts = [f"{way} for {_betas(rows)}" for way, rows in (("better", flatter), ("worse", steeper)) if rows]
    return (
        "One seed gives readings, not an answer: where both are in use, the recovered share reads as holding up "
        f"{listed(parts)} as μ grows than at β = {reference:g}."
    )


def _reference_sentence(results: Results, row: Robustness) -> str:
    mus = len(results.mus)
    changes = "" if math.isnan(row.slope.mean) else f"That share changes by {plus_minus(row.slope)} per unit of μ. "
    places = f" at {row.in_use} of {mus} values of μ" if mus > 1 else ""
    kept = "It keeps" if places or row.in_use else "It does not keep"
    return f"{_recovers(results, row)}{changes}{kept} latents in use in every seed{places}."


def _recovers(results: Results, row: Robustness) -> str:
    over = " on average over μ" if len(results.mus) > 1 else ""
    return f"β = {row.strength:g} recovers {plus_minus(row.share)} of the ceiling{over}. "


def _robustness_sentence(results: Results, row: Robustness) -> str:
    head, reference = _recovers(results, row), results.reference
    if row.in_use == 0:
        return head + ("At no μ does every seed keep an active latent: there is nothing to be robust with.")
    if len(row.shared) < 2:
        return head + (
            f"It is in use together with β = {reference:g} at {len(row.shared)} "
            f"value{'' if len(row.shared) == 1 else 's'} of μ only, too few for a slope."
        )
    gain, level = row.shared_slope_gain, row.shared_share_gain
    if gain.undecided:
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


def _betas(rows: Sequence[Robustness]) -> str:
    return "β = " + ", ".join(f"{row.strength:g}" for row in rows)
