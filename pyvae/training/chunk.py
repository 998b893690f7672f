"""A chunk: some of the study's models as one stack, with their optimiser, streams and running sums.

Working in chunks keeps parameters, activations and gradients in cache between the forward pass, the backward
pass and the fused Adam step; a chunk touches no other chunk, so worker threads take one each.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from pyvae.data import BlockGrid
from pyvae.losses import beta_vae, gaussian_reconstruction, sampled_kl
from pyvae.nn import StackedVAE
from pyvae.ops import gaussian_kl, reparameterize
from pyvae.studies.config import StudyConfig
from pyvae.training.cells import Cell, stream
from pyvae.training.optimiser import StackedAdam

TERMS = ("reconstruction", "kl", "loss")
"""Rows of every [3, K] tensor of objective terms, in nats per image."""


class Batches:
    """Noisy training images of one size of batch, drawn on the fly; constants of the draw are built once."""

    def __init__(self, cells: Sequence[Cell], config: StudyConfig, batch: int) -> None:
        grid = BlockGrid(config.blocks, config.pixels)
        self.render = grid.render
        mu = torch.tensor([cell.mu for cell in cells], dtype=torch.float32)
        self.mean = mu.reshape(-1, 1, 1).expand(-1, batch, grid.latents).contiguous()
        self.logvar = torch.zeros_like(self.mean)
        self.pixel_logvar = torch.full((len(cells), batch, grid.size), math.log(config.noise_variance))

    def draw(self, factor_seeds: Tensor, pixel_seeds: Tensor) -> Tensor:
        """Images [K, batch, size] from int64 seeds [K] for the factors and for the pixel noise."""
        z = reparameterize(self.mean, self.logvar, seed=factor_seeds)
        return reparameterize(self.render(z.sigmoid_()), self.pixel_logvar, seed=pixel_seeds)


class Chunk:
    """K models in training. `indices` are their places among all cells of the study."""

    def __init__(self, cells: Sequence[Cell], indices: Sequence[int], config: StudyConfig, model: StackedVAE) -> None:
        self.cells, self.indices, self.config = tuple(cells), tuple(indices), config
        self.model = model
        self.optimiser = StackedAdam(model.parameters(), config.learning_rate)
        self.sums = torch.zeros(len(TERMS), len(cells))
        """Terms summed over the steps since the last `take_sums`."""
        self._beta = torch.tensor([cell.beta for cell in cells], dtype=torch.float32).unsqueeze(-1)
        purposes = ("training factors", "training pixels", "training codes")
        self._streams = torch.stack([stream(cells, purpose) for purpose in purposes])
        self._batches = Batches(cells, config, config.batch_size)

    @classmethod
    def initialised(cls, cells: Sequence[Cell], indices: Sequence[int], config: StudyConfig) -> "Chunk":
        """A chunk at step 0, every model initialised from its own stream."""
        seeds = stream(cells, "initialisation")
        model = StackedVAE(len(cells), config.inputs, config.hidden, config.latents, seeds=seeds)
        return cls(cells, indices, config, model)

    def step(self, step: int) -> None:
        """One optimiser step of every model on fresh images; `step` counts from 0 and picks the random
        numbers.
        """
        factors, pixels, codes = (self._streams + step).unbind()
        x = self._batches.draw(factors, pixels)
        terms = self._terms(x, codes, closed_form=self.config.kl == "closed_form", scale=self.config.beta_scale(step))
        terms[-1].sum().backward()
        self.optimiser.step()
        self.sums += terms.detach()

    @torch.no_grad()
    def validate(self) -> Tensor:
        """Terms [3, K] on held-out images (shared by the betas of a (mu, seed)), closed-form KL, the full
        beta.
        """
        names = ("validation factors", "validation pixels", "validation codes")
        factors, pixels, codes = (stream(self.cells, name, shared_across_betas=True) for name in names)
        x = Batches(self.cells, self.config, self.config.validation_images).draw(factors, pixels)
        return self._terms(x, codes, closed_form=True, scale=1.0)

    def take_sums(self) -> Tensor:
        """The sums [3, K] since the last call, which start again from 0."""
        sums, self.sums = self.sums, torch.zeros_like(self.sums)
        return sums

    def _terms(self, x: Tensor, code_seeds: Tensor, *, closed_form: bool, scale: float) -> Tensor:
        """Batch means of reconstruction, kl and loss, [3, K]; only the loss carries a gradient."""
        mu, logvar = self.model.encode(x)
        z = reparameterize(mu, logvar, seed=code_seeds)
        reconstruction = gaussian_reconstruction(x, self.model.decode(z), self.config.noise_variance)
        kl = gaussian_kl(mu, logvar) if closed_form else sampled_kl(z, mu, logvar)
        loss = beta_vae(reconstruction, kl, self._beta * scale)
        return torch.stack([reconstruction.detach(), kl.detach(), loss]).mean(-1)
