"""A chunk: some of the models in training as one stack, with their optimiser, streams and running sums.

Working in chunks keeps parameters, activations and gradients in cache between the forward pass, the backward
pass and the fused Adam step; a chunk touches no other chunk, so worker threads take one each.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pyvae.losses import Objective
from pyvae.nn import StackedVAE
from pyvae.ops import reparameterize
from pyvae.training.cells import Cell, held_out_streams, stream
from pyvae.training.optimiser import StackedAdam
from pyvae.training.recipe import Recipe


class Chunk:
    """K models in training. `indices` are their places among all cells of the recipe."""

    def __init__(self, cells: Sequence[Cell], indices: Sequence[int], recipe: Recipe, model: StackedVAE) -> None:
        self.cells, self.indices, self.recipe = tuple(cells), tuple(indices), recipe
        self.model = model
        self.optimiser = StackedAdam(model.parameters(), recipe.settings.learning_rate)
        self.sums = torch.zeros(len(recipe.terms), len(cells))
        """Terms summed over the steps since the last `take_sums`."""
        strengths = torch.tensor([cell.strength for cell in cells], dtype=torch.float32)
        self._objective = recipe.objective_of(strengths)
        self._bias = recipe.bias(cells)
        self._streams = {name: stream(cells, f"training {name}") for name in (*recipe.data.streams, "codes")}

    @classmethod
    def initialised(cls, cells: Sequence[Cell], indices: Sequence[int], recipe: Recipe) -> "Chunk":
        """A chunk at step 0, every model initialised from its own stream."""
        return cls(cells, indices, recipe, recipe.model(len(cells), stream(cells, "initialisation")))

    def step(self, step: int) -> None:
        """One optimiser step of every model on fresh images; `step` counts from 0 and picks the random
        numbers.
        """
        seeds = {name: base + step for name, base in self._streams.items()}
        x = self.recipe.data.draw(self.recipe.settings.batch_size, seeds, self._bias).images
        terms = self._terms(x, seeds["codes"], self._objective, step)
        terms[-1].sum().backward()
        self.optimiser.step()
        self.sums += terms.detach()

    @torch.no_grad()
    def validate(self) -> Tensor:
        """Terms [T, K] on held-out images (shared by cells that differ in strength only), at the full strength."""
        seeds = held_out_streams(self.cells, "validation", (*self.recipe.data.streams, "codes"))
        x = self.recipe.data.draw(self.recipe.settings.validation_images, seeds, self._bias).images
        return self._terms(x, seeds["codes"], self._objective.exact(), None)

    def take_sums(self) -> Tensor:
        """The sums [T, K] since the last call, which start again from 0."""
        sums, self.sums = self.sums, torch.zeros_like(self.sums)
        return sums

    def _terms(self, x: Tensor, code_seeds: Tensor, objective: Objective, step: int | None) -> Tensor:
        """Batch means [T, K] of the recipe's terms; only the loss, the last, carries a gradient."""
        mu, logvar = self.model.encode(x)
        z = reparameterize(mu, logvar, seed=code_seeds)
        reconstruction = self.recipe.likelihood(x, self.model.decode(z))
        terms = objective(reconstruction, z, mu, logvar, step=step)._asdict()
        loss = terms.pop("loss")
        return torch.stack([*(term.detach() for term in terms.values()), loss]).mean(-1)
