"""Does a β that rises from 0 end elsewhere than a constant one?"""

from pyvae.report.answer import Answer
from pyvae.studies.schedules.findings.comparison import IN_USE_NATS, Comparison
from pyvae.studies.schedules.findings.words import mean, signed
from pyvae.studies.schedules.results import Results
from pyvae.studies.schedules.runs import ANNEALED, CONSTANT

QUESTION = "Does a β that rises from 0 end elsewhere than a constant β?"


def about_annealing(results: Results) -> Answer:
    """The verdict on the KL, then what else differs."""
    annealed, constant = results.arm(ANNEALED, 10.0), results.arm(CONSTANT, 10.0)
    assert annealed is not None  # schedules run whatever betas are
    if constant is None:
        return Answer("annealing", QUESTION, "This run has no constant β to compare with: betas lacks 10.", ())
    one = Comparison(results, annealed, constant)
    if not one.used.any():
        return Answer("annealing", QUESTION, one.no_verdict, ())
    return Answer("annealing", QUESTION, _verdict(one), (one.difference(),))


def _verdict(one: Comparison) -> str:
    gap = one.gap("kl_nats")
    kl, base = (mean(values, 1) for values in one.values("kl_nats"))
    ends = f"{one.arm.name} ends with a KL of {kl} nats, {one.other.name} with {base}"
    if all(one.collapsed):
        return f"Both have collapsed, to below {IN_USE_NATS:g} nats: {one.cited(ends)}."
    if gap.seeds == 1:
        return f"A reading, no verdict: {one.cited(ends)}."
    if gap.same:
        return f"No verdict, since every seed has the same difference: {one.cited(ends)}."
    differ = f"Yes, with {'more' if gap.above_zero else 'less'} KL"
    verdict = "They cannot be told apart" if gap.undecided else differ
    return f"{verdict}: {one.cited(f'{ends}, seed by seed {signed(gap, 2)}')}."
