"""What a study is: a config, the models that it trains, what is measured on them, and how that is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import pyarrow as pa

from pyvae.settings import Config
from pyvae.training import Recipe, Trained

C = TypeVar("C", bound=Config)

ALONE = ""
"""Of the group of models of a study that has one only: tables and folders do not name it."""


class Announce(Protocol):
    """Says that models `start` to `end` of `models` are measured next; raises Interrupted where that shall stop."""

    def __call__(self, start: int, end: int, models: int) -> None: ...


def diverged(all_of_them: bool) -> str | None:
    """What `Study.hopeless` says where every model has diverged."""
    return "every model has diverged: try a smaller learning_rate" if all_of_them else None


@dataclass(frozen=True)
class Study(Generic[C]):
    """One study. Its folder under pyvae/studies holds all of it, and its module offers it as STUDY."""

    name: str
    """As on the command line."""
    config: type[C]
    presets: Mapping[str, C]
    """Settings to start from, by name; the first is the default."""
    recipes: Callable[[C], Mapping[str, Recipe]]
    """Its models in groups, each of an objective or data of its own, by name; ALONE is the name of an only one."""
    evaluate: Callable[[Mapping[str, Trained], C, Path, Announce], None]
    """Measures the trained models of every group and writes the files in `saved`, but for the curves."""
    saved: tuple[str, ...]
    """Files of a finished study, from which figures and report are made."""
    draw: Callable[[Path], object]
    """Draws the figures of a folder."""
    report: Callable[[Path], Path]
    """Writes the folder's texts and returns the page to open."""
    grows: tuple[str, ...]
    """Settings that list values of an axis: a run goes on with more of them, as with more steps."""
    hopeless: Callable[[Path], str | None]
    """Why nothing can be learned from a finished run, as when every model has diverged; None where something can."""
    table: Callable[[Path], pa.Table]
    """A finished run's models, a row each: its coordinates first (its group where there are several, bias and strength
    by their names, seed), then every number, null where it has none, and `finite`, whether it has not diverged. No
    column has the name of a setting. Raises FileNotFoundError naming what the folder lacks.
    """
    stacks: Callable[[C], Mapping[str, str]]
    """Settings whose listed values stand for models of their own, so that a run of one value has the rows that a run of
    several has of it, but for last digits where several are measured at once; with the column of `table` that has it.
    """

    @property
    def default_preset(self) -> str:
        """The preset where none is named."""
        return next(iter(self.presets))

    def preset(self, name: str) -> C:
        """The preset of that name; ValueError lists the names there are."""
        if name not in self.presets:
            raise ValueError(f"unknown preset {name!r}: expected one of {', '.join(self.presets)}")
        return self.presets[name]
