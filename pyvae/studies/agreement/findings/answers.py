"""The study's answers, most important first; every sentence is computed from its results."""

from pyvae.report.answer import Answer, all_diverged
from pyvae.studies.agreement.findings.agreement import about_agreement
from pyvae.studies.agreement.findings.models import about_limits, about_models
from pyvae.studies.agreement.findings.protocol import about_protocol
from pyvae.studies.agreement.findings.rotation import about_rotation
from pyvae.studies.agreement.findings.unsupervised import about_unsupervised
from pyvae.studies.agreement.findings.use import about_use
from pyvae.studies.agreement.findings.variance import about_variance
from pyvae.studies.agreement.results import Results


def findings(results: Results) -> list[Answer]:
    """Only one answer where no model has codes to measure."""
    if not results.finite.any():
        return all_diverged()
    return [
        about_agreement(results),
        about_use(results),
        about_variance(results),
        about_unsupervised(results),
        about_protocol(results),
        about_rotation(results),
        about_models(results),
        about_limits(results),
    ]
