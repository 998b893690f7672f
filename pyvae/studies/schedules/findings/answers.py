"""The study's answers, most important first."""

from pyvae.report.answer import Answer, all_diverged
from pyvae.studies.schedules.findings.annealing import about_annealing
from pyvae.studies.schedules.findings.collapse import about_collapse
from pyvae.studies.schedules.findings.limits import about_limits
from pyvae.studies.schedules.findings.recovery import about_recovery
from pyvae.studies.schedules.findings.revival import about_revival
from pyvae.studies.schedules.findings.source import about_the_source
from pyvae.studies.schedules.findings.words import named
from pyvae.studies.schedules.results import Results


def findings(results: Results) -> list[Answer]:
    """Only one answer where every model has diverged."""
    if not any(results.known(arm).any() for arm in results.arms):
        return all_diverged(named(results.seeds))
    return [
        about_recovery(results),
        about_revival(results),
        about_annealing(results),
        about_collapse(results),
        about_the_source(results),
        about_limits(results),
    ]
