"""The main finding in words: does a larger beta buy robustness to bias, once collapse is accounted for?"""

import math
from collections.abc import Sequence

from pyvae.report.answer import Answer, plus_minus
from pyvae.report.robustness import Finding, Robustness, Verdict
from pyvae.report.statistics import Interval
from pyvae.report.verdict import interval_note, latents_in_use, reading_of, readings_sentence, verdict_sentence
from pyvae.studies.biased_grid.findings.comparison import robustness, verdict
from pyvae.studies.biased_grid.findings.training import how_to_settle, warm_up
from pyvae.studies.biased_grid.results import Results

WHEN = "as μ grows, where both are in use"


def about_robustness(results: Results) -> Answer:
    """Does a larger beta make recovery less sensitive to bias, once collapse is accounted for?"""
    reference = results.reference
    rows = robustness(results)
    details = [warning] if (warning := warm_up(results.config)) else []
    details.append(_reference_sentence(results, next(row for row in rows if row.strength == reference)))
    details += [_robustness_sentence(results, row) for row in rows if row.strength != reference]
    found = verdict(results)
    details.append(interval_note(len(results.seeds), len(found.compared)))
    question = "Does a larger β make the VAE more robust to biased training data, once collapse is accounted for?"
    return Answer("robustness", question, _robustness_verdict(results, found), tuple(details))


def _robustness_verdict(results: Results, found: Verdict) -> str:
    reference = results.reference
    if not found.larger:
        return f"This study has no β above {reference:g}, so it cannot say."
    if len(results.mus) == 1:
        return "This study cannot tell: it has one value of μ, and how recovery changes with μ takes two."
    if not found.compared:
        return (
            f"This study cannot tell: there are no two values of μ at which both β = {reference:g} and a larger β keep "
            "latents in use. Models whose latents have collapsed look insensitive to bias, since they learned nothing."
        )
    if len(results.seeds) == 1:
        ways = {way: _betas(_reading(found.compared, way)) for way in ("better", "worse", "alike")}
        return readings_sentence({way: betas for way, betas in ways.items() if betas}, reference, WHEN)
    groups = {finding: _betas(found.those(finding)) for finding in Finding}
    said = verdict_sentence({finding: betas for finding, betas in groups.items() if betas}, reference, WHEN)
    return f"{said} {how_to_settle(results.config)}" if found.open else said


def _reading(rows: Sequence[Robustness], way: str) -> list[Robustness]:
    return [row for row in rows if reading_of(row.shared_slope_gain) == way]


def _reference_sentence(results: Results, row: Robustness) -> str:
    mus = len(results.mus)
    changes = "" if math.isnan(row.slope.mean) else f"That share changes by {plus_minus(row.slope)} per unit of μ. "
    places = f" at {row.in_use} of {mus} values of μ" if mus > 1 else ""
    kept = "It keeps" if places or row.in_use else "It does not keep"
    every = " in every seed" if len(results.seeds) > 1 else ""
    return f"{_recovers(results, row)}{changes}{kept} latents in use{every}{places}."


def _recovers(results: Results, row: Robustness) -> str:
    over = " on average over μ" if len(results.mus) > 1 else ""
    return f"β = {row.strength:g} recovers {plus_minus(row.share)} of the ceiling{over}. "


def _robustness_sentence(results: Results, row: Robustness) -> str:
    head, reference = _recovers(results, row), results.reference
    several, seeds = len(results.mus) > 1, len(results.seeds) > 1
    if row.in_use == 0:
        return head + f"{_keeps_none(results)}: there is nothing to be robust with."
    if not row.shared:
        return head + f"{'At no μ is it' if several else 'It is not'} in use together with β = {reference:g}."
    counts = f"{'on average ' if seeds else ''}it has {latents_in_use(row, reference, 'μ =')}"
    if len(row.shared) < 2:
        at = " at 1 value of μ only, too few for a slope" if several else ""
        return head + f"It is in use together with β = {reference:g}{at}; {counts}."
    return head + (
        f"Over the {len(row.shared)} values of μ from {row.shared[0]:g} to {row.shared[-1]:g} where both are in use, "
        f"{_shape(row.shared_slope_gain, reference)} (slopes differ by "
        f"{plus_minus(row.shared_slope_gain, signed=True)} per unit of μ), and its share differs by "
        f"{plus_minus(row.shared_share_gain, signed=True)}; {counts}."
    )


def _keeps_none(results: Results) -> str:
    """That not every seed keeps a latent in use at any μ."""
    if len(results.mus) > 1:
        return f"At no μ does {'every seed' if len(results.seeds) > 1 else 'it'} keep an active latent"
    return f"It does not keep an active latent{' in every seed' if len(results.seeds) > 1 else ''}"


def _shape(gain: Interval, reference: float) -> str:
    """How a slope compares with that of the reference."""
    other = f"that of β = {reference:g}"
    if gain.undecided:
        return f"its slope against μ cannot be told from {other}"
    way = reading_of(gain)
    if not gain.known:
        return f"its share reads as holding up {way}{' beside' if way == 'alike' else ' as μ grows than'} {other}"
    return f"its share holds up {way} as μ grows than {other}"


def _betas(rows: Sequence[Robustness]) -> str:
    """Their names; empty of none."""
    return f"β = {', '.join(f'{row.strength:g}' for row in rows)}" if rows else ""
