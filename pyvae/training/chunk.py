"""A chunk: some of the models in training as one stack, with their optimiser, streams and running sums.

A chunk touches no other chunk, so worker threads take one each. Small chunks keep parameters, moments and activations
in cache from one step to the next, since a chunk takes many steps before the next one's turn.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pyvae.nn import StackedModel
from pyvae.training.autograd_step import AutogradStep
from pyvae.training.cells import Cell, held_out_streams, stream
from pyvae.training.companions import Companions
from pyvae.training.fused_step import FusedStep
from pyvae.training.recipe import Recipe
from pyvae.training.terms import Seeds, batch_means

STEPS: Mapping[str, type[AutogradStep] | type[FusedStep]] = {"autograd": AutogradStep, "fused": FusedStep}
"""The ways to take a step, and what checkpoints and configs call them."""

DRAWN_NUMBERS = 1 << 18
"""Numbers of images that are drawn at a time, for several steps: 1 MB, a part of the second-level cache."""


class Chunk:
    """K models in training, on the device that `model` is on. `indices` are their places among all cells of the recipe,
    `step` one of STEPS.
    """

    def __init__(
        self, cells: Sequence[Cell], indices: Sequence[int], recipe: Recipe, model: StackedModel, step: str
    ) -> None:
        self.cells, self.indices, self.recipe = tuple(cells), tuple(indices), recipe
        self.model, self.device = model, next(model.parameters()).device
        strengths = torch.tensor([cell.strength for cell in cells], dtype=torch.float32)
        beside = stream(cells, "objective initialisation")
        self._objective = recipe.objective_of(strengths).trained_beside(model.latents, beside).to(self.device)
        self._likelihood = recipe.likelihood_of(len(cells), self.device)
        self.stepper = STEPS[step](model, self._likelihood, recipe.settings.learning_rate)
        self.companions = Companions(self._objective, self._likelihood, recipe.settings.learning_rate)
        self.sums = torch.zeros(len(recipe.terms), len(cells), device=self.device)
        """Terms summed over the steps since the last `take_sums`."""
        names = (*recipe.data.streams, *Seeds._fields)
        self._streams = {name: stream(cells, f"training {name}").to(self.device) for name in names}

    @classmethod
    def initialised(
        cls,
        cells: Sequence[Cell],
        indices: Sequence[int],
        recipe: Recipe,
        step: str,
        device: torch.device | str = "cpu",
    ) -> "Chunk":
        """A chunk at step 0, every model initialised from its own stream."""
        model = recipe.model(len(cells), stream(cells, "initialisation"))
        return cls(cells, indices, recipe, model.to(device), step)

    def run(self, first: int, last: int) -> None:
        """Optimiser steps first, first + 1 … last - 1 of every model on fresh images; steps count from 0 and pick the
        random numbers.
        """
        at_once = max(1, DRAWN_NUMBERS // (len(self.cells) * self.recipe.settings.batch_size * self.recipe.data.size))
        for start in range(first, last, at_once):
            self._run(range(start, min(start + at_once, last)))

    def _run(self, steps: range) -> None:
        offsets = torch.tensor(steps, device=self.device).unsqueeze(1)
        seeds = {name: base + offsets for name, base in self._streams.items()}
        drawn = {name: seeds[name].flatten() for name in self.recipe.data.streams}
        images, log_weights, rows = self._drawn(self.cells * len(steps), self.recipe.settings.batch_size, drawn)
        of_steps = (
            [None] * len(steps) if part is None else part.split(len(self.cells)) for part in (log_weights, rows)
        )
        parts = (images.split(len(self.cells)), *of_steps, *(seeds[name] for name in Seeds._fields), steps)
        for x, weights, numbers, codes, objective, step in zip(*parts, strict=True):
            of_images = {"log_weights": weights, "rows": numbers}
            self.sums += self.stepper(x, Seeds(codes, objective), self._objective, step, **of_images)
            self.companions.step()

    def _drawn(
        self, cells: tuple[Cell, ...], count: int, seeds: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Images [K, count, size] of so many cells; their log weights [K, count] where the recipe weighs them, and
        their rows of the data set [K, count] where the objective asks.
        """
        drawn = self.recipe.data.draw(count, seeds, self.recipe.bias(cells))
        weigh = self.recipe.log_weights
        return (
            drawn.images,
            None if weigh is None else weigh(cells, drawn.factors),
            drawn.rows if self._objective.indexed else None,
        )

    @torch.no_grad()
    def validate(self) -> Tensor:
        """Terms [T, K] on held-out images (shared by cells that differ in strength only), at the full strength; on the
        CPU. Of a recipe that weighs its images these are unbiased ones, which all count alike: the same expectation,
        where weighted means may be of a handful of images, and their least value of one lucky draw.
        """
        streams = held_out_streams(self.cells, "validation", (*self.recipe.data.streams, *Seeds._fields))
        seeds = {name: seed.to(self.device) for name, seed in streams.items()}
        bias = self.recipe.bias(self.cells) if self.recipe.log_weights is None else None
        drawn = self.recipe.data.draw(self.recipe.settings.validation_images, seeds, bias)
        x, objective = drawn.images, self._objective.exact().eval()
        seen = objective.prepare(x, seed=seeds["objective"])
        decoded, *codes = self.model(seen, seed=seeds["codes"], sample=not objective.deterministic)
        reconstruction = self._likelihood(x, decoded)
        rows = drawn.rows if objective.indexed else None
        terms = objective(reconstruction, *codes, seed=seeds["objective"], index=rows)
        self._objective.train()
        return batch_means(terms).cpu()

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """Every parameter that is trained, [K, …], by name: the model's, then what is trained beside it."""
        return {**dict(self.model.named_parameters()), **self.companions.named}

    def moments(self) -> list[tuple[Tensor, Tensor]]:
        """First and second moment of each of `trained`, in its order."""
        return [*self.stepper.moments(), *self.companions.moments()]

    def restore(self, companions: Sequence[Tensor], moments: Sequence[tuple[Tensor, Tensor]], step: int) -> None:
        """Continues after `step` steps that left these moments, of all of `trained`, and companions with these values.
        All are copied; the model has its parameters.
        """
        own = len(moments) - len(self.companions.named)
        self.stepper.restore(moments[:own], step)
        self.companions.restore(companions, moments[own:], step)

    def take_sums(self) -> Tensor:
        """The sums [T, K] since the last call, on the CPU; they start again from 0."""
        sums, self.sums = self.sums, torch.zeros_like(self.sums)
        return sums.cpu()
