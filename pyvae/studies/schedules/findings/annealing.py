"""Does a β that rises from 0 end elsewhere than a constant one?"""

from pyvae.report.answer import Answer
from pyvae.studies.schedules.findings.comparison import IN_USE_NATS, Comparison
from pyvae.studies.schedules.results import Results
from pyvae.studies.schedules.runs import ANNEALED, CONSTANT

QUESTION = "Does a β that rises from 0 end elsewhere than a constant β?"


def about_annealing(results: Results) -> Answer:
    """The verdict on KL and squared error, then what else differs."""
    annealed, constant = results.arm(ANNEALED, 10.0), results.arm(CONSTANT, 10.0)
    assert annealed is not None  # schedules run whatever betas are
    if constant is None:
        return Answer("annealing", QUESTION, "This run has no constant β to compare with: betas lacks 10.", ())
    one = Comparison(results, annealed, constant)
    if not one.used.any():
        return Answer("annealing", QUESTION, one.no_verdict, ())
    return Answer("annealing", QUESTION, _verdict(one), (one.difference(),))


def _verdict(one: Comparison) -> str:
    if all(one.collapsed):
        return f"Neither is in use, by a KL below {IN_USE_NATS:g} nats: {one.ends()}."
    if one.seeds == 1:
        return f"A reading, no verdict: {one.ends()}."
    if one.differs:
        return f"Yes, with {one.differs}{one.left_open}: {one.ends()}."
    if one.open:
        return f"They cannot be told apart by {one.open}{one.left_open}: {one.ends()}."
    return f"No verdict, since every seed has the same difference: {one.ends()}."
