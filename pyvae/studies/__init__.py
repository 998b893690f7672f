"""Studies: trained, measured and told from one config. `load_models` reads what a run trained."""

import importlib
from types import ModuleType
from typing import Any

from pyvae.studies.errors import StudyError
from pyvae.studies.study import Study

NAMES = ("biased-grid", "biased-sprites", "agreement", "schedules", "vae")
"""Every study, the default first."""

__all__ = ["NAMES", "Study", "StudyError", "asked", "load_models", "study_named"]


def study_named(name: str) -> Study[Any]:
    """The study of that name; StudyError lists the names there are."""
    if name not in NAMES:
        raise StudyError(f"unknown study {name!r}: expected one of {', '.join(NAMES)}")
    study: Study[Any] = _module(name).STUDY
    return study


def asked(name: str) -> str:
    """The question of the study of that name: the first sentence of its module."""
    question, mark, _ = (_module(name).__doc__ or "").partition("?")
    return question + mark


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"pyvae.studies.{name.replace('-', '_')}")


from pyvae.studies.models import load_models  # noqa: E402  (it asks for studies by name)
