"""Does a β that falls end where a constant one does, by KL and by squared error?"""

from pyvae.report.answer import Answer
from pyvae.studies.schedules.findings.comparison import IN_USE_NATS, Comparison
from pyvae.studies.schedules.findings.words import mean
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
    own, other = one.arm.name, one.other.name
    if one.collapsed[1]:
        kl, base = (mean(values, 1) for values in one.values("kl_nats"))
        numbers = one.cited(f"a KL of {base} nats, below {IN_USE_NATS:g}, and {own} with {kl}")
        return f"{other} is nothing to come back to: it ends with {numbers}."
    if one.seeds == 1:
        return f"A reading, no verdict: {one.ends()}."
    if one.differs:
        return f"{own} does not end where {other} does, but with {one.differs}{one.left_open}: {one.ends('it')}."
    if one.open:
        return f"{own} cannot be told from {other} by {one.open}{one.left_open}: {one.ends('it')}."
    return f"No verdict, since every seed has the same difference: {one.ends()}."
