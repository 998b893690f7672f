"""What a sweep's file says: a study, the settings of every cell, and the axes in which cells differ."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pyvae.studies import NAMES, Study, StudyError, study_named
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning.axes import blocks_of
from pyvae.sweeps.planning.given import check_keys, plain, read_json, read_yaml, what

KEYS = ("study", "preset", "set", "axes", "best")


@dataclass(frozen=True)
class Best:
    """What "best so far" means: the largest, or the smallest, value of a column of the results."""

    column: str
    largest: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.column, str) or not self.column:
            raise SweepError(f"column of best must be the name of a column of the results, got {what(self.column)}")
        if not isinstance(self.largest, bool):
            raise SweepError(f"largest of best must be true or false, got {what(self.largest)}")


@dataclass(frozen=True)
class SweepConfig:
    """One sweep as its file says it; `plan_of` makes cells of it.

    Raises SweepError for what JSON cannot say, and for axes that cannot be; whether the study can take them all, the
    plan says.
    """

    study: str
    preset: str
    """The settings to start from, by the name of one of the study's presets."""
    settings: Mapping[str, Any]
    """Of every cell, by field: values as a command line spells them, in text, or as YAML has them."""
    axes: Any
    """As `pyvae.sweeps.planning.axes` has them."""
    best: Best | None = None

    def __post_init__(self) -> None:
        for name in ("study", "preset"):
            if not isinstance(getattr(self, name), str):
                raise SweepError(f"{name} must be a name, got {what(getattr(self, name))}")
        if not isinstance(self.settings, Mapping):
            raise SweepError(f"set must be a mapping of fields to values, got {what(self.settings)}")
        object.__setattr__(self, "settings", plain(self.settings, "set"))
        object.__setattr__(self, "axes", plain(self.axes, "axes"))
        blocks_of(self.axes)  # its refusals come before anything is written

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """What a YAML file says; SweepError where there is none that can be read."""
        try:
            return cls.from_yaml(path.read_text())
        except FileNotFoundError:
            raise SweepError(f"config must be a sweep's YAML file or folder, but there is no {path}") from None
        except (OSError, UnicodeDecodeError) as problem:
            raise SweepError(f"config must be a sweep's YAML file, but {path} cannot be read: {problem}") from None

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """What the YAML text of a sweep's file says. A preset that it does not name is the study's default."""
        return cls._of(read_yaml(text))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """`to_json`'s inverse."""
        return cls._of(read_json(text))

    def setting(self, given: Iterable[str]) -> Self:
        """With settings of every cell as a command line has them, "steps=50"; SweepError for what is none."""
        settings = dict(self.settings)
        for one in given:
            name, equals, text = one.partition("=")
            if not equals:
                raise SweepError(f"--set expects field=value, got {one!r}")
            settings[name.strip()] = text.strip()
        return dataclasses.replace(self, settings=settings)

    def to_json(self) -> str:
        """All of it as indented JSON text, with the keys of the YAML file, ending in a newline."""
        best = self.best and {"column": self.best.column, "largest": self.best.largest}
        values = (self.study, self.preset, self.settings, self.axes, best)
        return json.dumps(dict(zip(KEYS, values, strict=True)), indent=2) + "\n"

    def found(self) -> Study[Any]:
        """The study; SweepError lists those there are."""
        return _found(self.study)

    @classmethod
    def _of(cls, given: Any) -> Self:
        if not isinstance(given, Mapping):
            raise SweepError(f"a sweep's file must be a mapping with the keys study and axes, got {what(given)}")
        check_keys(given, KEYS, "a sweep's file")
        study, preset = given.get("study"), given.get("preset")
        if not isinstance(study, str):
            raise SweepError(f"study must be one of {', '.join(NAMES)}, got {what(study)}")
        if preset is None:
            preset = _found(study).default_preset
        settings = given.get("set")
        return cls(study, preset, {} if settings is None else settings, given.get("axes"), _best_of(given.get("best")))


def _found(name: str) -> Study[Any]:
    try:
        return study_named(name)
    except StudyError as problem:
        raise SweepError(str(problem)) from None


def _best_of(given: Any) -> Best | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise SweepError(f"best must be a mapping of column and largest, got {what(given)}")
    check_keys(given, ("column", "largest"), "best")
    return Best(given.get("column"), given.get("largest", True))  # type: ignore[arg-type]
