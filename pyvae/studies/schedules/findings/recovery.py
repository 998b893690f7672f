"""Does a β that falls end where a constant one does?"""

from pyvae.report.answer import Answer
from pyvae.studies.schedules.findings.comparison import IN_USE_NATS, Comparison
from pyvae.studies.schedules.findings.words import mean, signed
from pyvae.studies.schedules.results import Results
from pyvae.studies.schedules.runs import CONSTANT

QUESTION = "Does a β that falls from far above end where a constant β ends?"


def about_recovery(results: Results) -> Answer:
    """A verdict on every schedule that falls, then what else differs."""
    constant = results.arm(CONSTANT, 1.0)
    if constant is None:
        return Answer("recovery", QUESTION, "This run has no constant β to compare with: betas lacks 1.", ())
    compared = [Comparison(results, arm, constant) for arm in results.falling]
    details = tuple(one.difference() for one in compared if one.used.any())
    return Answer("recovery", QUESTION, " ".join(_verdict(one) for one in compared), details)


def _verdict(one: Comparison) -> str:
    if not one.used.any():
        return one.no_verdict
    own, other, gap = one.arm.name, one.other.name, one.gap("kl_nats")
    kl, base = (mean(values, 1) for values in one.values("kl_nats"))
    if one.collapsed[1]:
        numbers = one.cited(f"a KL of {base} nats, below {IN_USE_NATS:g}, and {own} with {kl}")
        return f"{other} is nothing to come back to: it ends with {numbers}."
    ends = f"{own} ends with {one.share:.1%} of the KL of {other}, {kl} against {base} nats"
    if gap.seeds == 1:
        return f"{one.cited(ends)}: a reading, no verdict."
    if gap.same:
        return f"{one.cited(ends)}: the same difference in every seed, of which there is no interval, and no verdict."
    if gap.below_zero:
        verdict = f"{own} falls short of {other}"
    elif gap.above_zero:
        verdict = f"{own} goes beyond {other}"
    else:
        verdict = f"{own} cannot be told from {other}"
    return f"{one.cited(f'{ends}, seed by seed {signed(gap, 2)}')}: {verdict}."
