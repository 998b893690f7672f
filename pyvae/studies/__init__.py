"""Studies: trained, measured and told from one config. `load_models` reads what a run trained."""

import importlib
from typing import Any

from pyvae.studies.errors import StudyError
from pyvae.studies.study import Study

NAMES = ("biased-grid",)
"""Every study, the default first."""

__all__ = ["NAMES", "Study", "StudyError", "load_models", "study_named"]


def study_named(name: str) -> Study[Any]:
    """The study of that name; StudyError lists the names there are."""
    if name not in NAMES:
        raise StudyError(f"unknown study {name!r}: expected one of {', '.join(NAMES)}")
    study: Study[Any] = importlib.import_module(f"pyvae.studies.{name.replace('-', '_')}").STUDY
    return study


from pyvae.studies.models import load_models  # noqa: E402  (it asks for studies by name)
