"""What a study hands to the engine: which models to train on what, by which objective."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pyvae.data import DataSet
from pyvae.losses import Objective
from pyvae.nn import StackedModel
from pyvae.training.cells import Cell
from pyvae.training.settings import TrainingSettings, check_patience


@dataclass(frozen=True)
class Recipe:
    """Everything that training needs to know; the engine knows no data set, objective or study by name."""

    cells: tuple[Cell, ...]
    settings: TrainingSettings
    data: DataSet
    bias: Callable[[Sequence[Cell]], Any]
    """What the data set's `draw` takes as the bias of a stack of cells."""
    model: Callable[[int, Tensor | None], StackedModel]
    """A stack of so many models, initialised from their seeds [K]; without seeds its parameters are zero."""
    likelihood: Callable[[Tensor, Tensor], Tensor]
    """Images [K, M, size] and the decoder's output of that shape -> reconstruction terms [K, M], on any device."""
    objective: type[Objective]
    objective_settings: dict[str, Any]
    """All of its settings but the strength."""
    axes: tuple[str, str] = ("bias", "strength")
    """What tables call the cells' bias and strength."""
    log_weights: Callable[[Sequence[Cell], Tensor], Tensor] | None = None
    """Importance-weighted training: of cells and the factors [K, M, F] that their images were drawn with, the log
    weights [K, M] that the objective takes of them, as pyvae.data.stacked_log_weights gives them; validation is on
    unbiased images. None: images count alike.
    """

    def __post_init__(self) -> None:
        if self._likelihood_learns and not hasattr(self.likelihood, "for_models"):
            raise ValueError(
                "likelihood must have no parameters, or for_models(K) to give each model its own, got some"
            )
        check_patience(self.settings, self.objective)
        if self.log_weights is not None and not self.objective.weighable():
            raise ValueError(
                f"log_weights must be None for {self.objective.name()}, which has no importance-weighted form"
            )
        objective = self.of_strength_one
        if objective.indexed:
            self._check_indexed()
        # What is a share of the run becomes steps: a run of another length is another run.
        if "schedule" in objective.settings_of():
            schedule = objective.schedule if objective.warmup_steps else str(objective.shares)
            object.__setattr__(self, "objective_settings", {**self.objective_settings, "schedule": schedule})

    def _check_indexed(self) -> None:
        """That images have numbers, and are all as likely: what is kept of each counts alike."""
        name = self.objective.name()
        if self.data.count is None:
            raise ValueError(f"data must have a count for {name} that keeps something of every image, got None")
        if self.bias(self.cells[:1]) is not None or self.log_weights is not None:
            raise ValueError(f"bias must be None for {name} that keeps something of every image, got one")

    def named(self, cell: Cell) -> str:
        """A cell in words, as tables call it: "mu 0, beta 4, seed 1"."""
        return f"{self.axes[0]} {cell.bias:g}, {self.axes[1]} {cell.strength:g}, seed {cell.seed}"

    def objective_of(self, strengths: Tensor) -> Objective:
        """The objective of a stack of models with these strengths [K]."""
        settings = {**self.objective_settings, self.objective.strength: strengths.unsqueeze(-1)}
        return self.objective(**settings).within(self.settings.steps)

    @property
    def of_strength_one(self) -> Objective:
        """The objective of a model with strength 1, to be asked what does not depend on it."""
        return self.objective_of(torch.ones(1))

    def likelihood_of(self, models: int, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
        """The likelihood of a stack of so many models."""
        if not self._likelihood_learns:
            return self.likelihood
        own: nn.Module = self.likelihood.for_models(models)  # type: ignore[attr-defined]
        return own.to(device)

    @property
    def _likelihood_learns(self) -> bool:
        return isinstance(self.likelihood, nn.Module) and any(True for _ in self.likelihood.parameters())

    @property
    def terms(self) -> tuple[str, ...]:
        """What training follows, per image: the objective's terms, the loss last."""
        return (*(name for name in self.objective.terms if name != "loss"), "loss")

    @property
    def settled_after(self) -> int:
        """Steps until the strength has been what it will be."""
        length = self.of_strength_one.shares.length
        return 0 if length is None else math.ceil(length.number)

    @property
    def warning(self) -> str | None:
        """What is amiss with a training that can be done all the same, as half a sentence; None where nothing is."""
        steps, strength = self.settings.steps, self.objective.strength
        objective = self.of_strength_one
        # A rise ends with the step after the last one, a cycle before it.
        if any(
            math.isclose(objective.shares(step), objective.shares.final, rel_tol=0.01) for step in (steps - 1, steps)
        ):
            return None
        share = float(objective.strength_at(steps - 1))
        ends = f"training ends after {steps}, with {strength} at {share:.0%} of its value"
        given = (
            f"warmup_steps is {objective.warmup_steps}"
            if objective.warmup_steps
            else f"schedule is {objective.schedule}"
        )
        return f"{given}, but {ends}"
