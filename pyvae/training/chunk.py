"""A chunk: some of the models in training as one stack, with their optimiser, streams and running sums.

A chunk touches no other chunk, so worker threads take one each. Small chunks keep parameters, moments and activations
in cache from one step to the next, since a chunk takes many steps before the next one's turn.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pyvae.nn import StackedModel
from pyvae.training.autograd_step import AutogradStep
from pyvae.training.cells import Cell, held_out_streams, stream
from pyvae.training.fused_step import FusedStep
from pyvae.training.recipe import Recipe
from pyvae.training.terms import batch_means

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
        self.stepper = STEPS[step](model, recipe.likelihood, recipe.settings.learning_rate)
        self.sums = torch.zeros(len(recipe.terms), len(cells), device=self.device)
        """Terms summed over the steps since the last `take_sums`."""
        strengths = torch.tensor([cell.strength for cell in cells], dtype=torch.float32)
        self._objective = recipe.objective_of(strengths).to(self.device)
        names = (*recipe.data.streams, "codes")
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
        bias = self.recipe.bias(self.cells * len(steps))
        images = self.recipe.data.draw(self.recipe.settings.batch_size, drawn, bias).images
        for x, code_seeds, step in zip(images.split(len(self.cells)), seeds["codes"], steps, strict=True):
            self.sums += self.stepper(x, code_seeds, self._objective, step)

    @torch.no_grad()
    def validate(self) -> Tensor:
        """Terms [T, K] on held-out images (shared by cells that differ in strength only), at the full strength; on the
        CPU.
        """
        streams = held_out_streams(self.cells, "validation", (*self.recipe.data.streams, "codes"))
        seeds = {name: seed.to(self.device) for name, seed in streams.items()}
        bias = self.recipe.bias(self.cells)
        x = self.recipe.data.draw(self.recipe.settings.validation_images, seeds, bias).images
        decoded, *codes = self.model(x, seed=seeds["codes"])
        return batch_means(self._objective.exact()(self.recipe.likelihood(x, decoded), *codes)).cpu()

    def take_sums(self) -> Tensor:
        """The sums [T, K] since the last call, on the CPU; they start again from 0."""
        sums, self.sums = self.sums, torch.zeros_like(self.sums)
        return sums.cpu()
