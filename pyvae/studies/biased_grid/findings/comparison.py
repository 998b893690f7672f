"""Robustness of each beta to mu: `pyvae.report.robustness` of this study's results."""

from pyvae.report import robustness as shared
from pyvae.report.robustness import Robustness, Verdict
from pyvae.studies.biased_grid.results import Results


def robustness(results: Results, *, comparisons: int = 1) -> list[Robustness]:
    """Every beta of the study against the reference, in ascending order; intervals for so many comparisons at once."""
    share, active = results.fraction_recovered(), results.active()
    return shared.robustness(results.mus, results.betas, results.reference, share, active, comparisons=comparisons)


def verdict(results: Results) -> Verdict:
    """What the study shows of the betas above the reference, by intervals that hold for all of them at once."""
    alone = shared.verdict(robustness(results), results.reference)
    together = robustness(results, comparisons=len(alone.compared))
    return shared.verdict(together, results.reference)
