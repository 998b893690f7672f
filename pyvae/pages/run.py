"""A run as pages see it: its models one by one, each with its data, its likelihood and its name.

All that pages know of studies is here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pyvae.data import Bias, DataSet
from pyvae.losses import BernoulliReconstruction
from pyvae.pictures import OneOfStack
from pyvae.settings import Config
from pyvae.studies import StudyError
from pyvae.studies.folder import study_in
from pyvae.studies.models import load_groups
from pyvae.training import Cell, Recipe, Trained

ROUNDING = 1e-9
"""Of a share that is 1 where nothing is biased."""


@dataclass(frozen=True, eq=False)
class Member:
    """One model of a run."""

    run: str
    """The run's name: its folder's, where that tells it from others."""
    group: str
    cell: Cell
    recipe: Recipe
    trained: Trained
    place: int
    """In its group's stack."""

    @property
    def name(self) -> str:
        """Its group, if there are several, and its cell in words."""
        cell = self.recipe.named(self.cell)
        return f"{self.group}, {cell}" if self.group else cell

    @property
    def data(self) -> DataSet:
        """What it was trained on."""
        return self.recipe.data

    @property
    def deterministic(self) -> bool:
        """Whether its codes have no variance."""
        return self.recipe.objective.deterministic

    @property
    def steps(self) -> int:
        """Those that its parameters have behind them."""
        return int(self.trained.best_step[self.place])

    @cached_property
    def model(self) -> OneOfStack:
        """Decodes to images."""
        logits = isinstance(self.recipe.likelihood, BernoulliReconstruction)
        return OneOfStack(self.trained.model, self.place, link=torch.sigmoid if logits else None)

    @cached_property
    def decoder(self) -> OneOfStack:
        """Decodes to what the likelihood takes."""
        return OneOfStack(self.trained.model, self.place)

    @cached_property
    def likelihood(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The reconstruction term [B] of images and what was decoded [B, size] each, by this model's own variance."""
        own = self.recipe.likelihood_of(1, torch.device("cpu"))
        prefix = "likelihood."
        learned = {
            name.removeprefix(prefix): value for name, value in self.trained.beside.items() if name.startswith(prefix)
        }
        if learned and isinstance(own, torch.nn.Module):
            own.load_state_dict({name: value[self.place : self.place + 1] for name, value in learned.items()})
        return lambda x, decoded: own(x.unsqueeze(0), decoded.unsqueeze(0))[0]

    @property
    def biased(self) -> bool:
        """Whether its training data depart from the unbiased distribution; a shift by 0 does not."""
        if not isinstance(self._bias, Bias) or not self._bias:
            return bool(self._bias)
        is_uneven = self._bias.effective_share(self.data) < 1 - ROUNDING
        return is_uneven or self.never_drawn(self.data.test_factors()) is not None

    def never_drawn(self, factors: Tensor) -> Tensor | None:
        """Which images of factors [N, F], bool [N], are of combinations that its training never draws; None where it
        draws all, or its bias does not say.
        """
        if not isinstance(self._bias, Bias) or not self._bias:
            return None
        outside = ~self._bias.support(factors, self.data)
        return outside if bool(outside.any()) else None

    @property
    def _bias(self) -> Any:
        """As its data set takes it."""
        found = self.recipe.bias([self.cell])
        return found[0] if isinstance(found, list | tuple) else found


@dataclass(frozen=True, eq=False)
class Run:
    """Trained models with a name: those of a study's folder (`open_run`), or any that the engine trained (`run_of`)."""

    name: str
    members: tuple[Member, ...]
    folder: Path | None = None
    study: str | None = None
    config: Config | None = None
    """Of the study, where it is one."""

    @property
    def where(self) -> str:
        """Its folder, or its name."""
        return self.name if self.folder is None else str(self.folder)

    def curves(self, member: Member) -> Mapping[str, list[Any]]:
        """A model's training curve, columns by name: `step`, `elbo` and the objective's terms."""
        trained, axes = member.trained, member.recipe.axes
        table = trained.curves.table(trained.cells, axes)
        cell = (member.cell.bias, member.cell.strength, member.cell.seed, "train")
        rows = [row for row in table.to_pylist() if tuple(row[k] for k in (*axes, "seed", "split")) == cell]
        return {name: [row[name] for row in rows] for name in table.column_names}


def open_run(folder: Path | str, name: str | None = None) -> Run:
    """A run by its folder; StudyError for a folder without trained models."""
    folder = Path(folder)
    groups = load_groups(folder)
    held = study_in(folder)
    if held is None:  # gone since its models were read
        raise StudyError(f"folder must hold a study, but {folder} has no config.json")
    study, config = held
    called = name or folder.resolve().name
    recipes = study.recipes(config)
    members = [
        member for group, trained in groups.items() for member in _members(called, group, recipes[group], trained)
    ]
    return Run(called, tuple(members), folder, study.name, config)


def run_of(name: str, recipe: Recipe, trained: Trained) -> Run:
    """What `pyvae.training.train(recipe)` gave, as pages take it."""
    return Run(name, tuple(_members(name, "", recipe, trained)))


def _members(run: str, group: str, recipe: Recipe, trained: Trained) -> list[Member]:
    return [Member(run, group, cell, recipe, trained, place) for place, cell in enumerate(trained.cells)]
