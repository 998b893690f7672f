"""Earlier names of `BlockGrid`, for one release: each warns, and names what took its place."""

import math

import torch
from torch import Tensor

from pyvae.data.elementwise import sigmoid
from pyvae.deprecated import warn_of
from pyvae.ops import reparameterize


class EarlierBlockGrid:
    """Methods of `BlockGrid` that are going."""

    blocks: int
    pixels: int

    @property
    def latents(self) -> int:
        """Generating factors: one per block."""
        warn_of("BlockGrid.latents", "len(grid.factors)")
        return self.blocks**2

    @property
    def side(self) -> int:
        """Pixels along one side of the image."""
        warn_of("BlockGrid.side", "grid.shape[0]")
        return self.blocks * self.pixels

    def sample_intensities(self, mu: Tensor, batch: int, seeds: Tensor) -> tuple[Tensor, Tensor]:
        """Factors z ~ N(mu, 1) [K, batch, factors] and intensities sigmoid(z)."""
        warn_of("BlockGrid.sample_intensities", "grid.draw(count, seeds, bias=mu).factors")
        if mu.dim() != 1 or seeds.shape != mu.shape:
            raise ValueError(f"mu and seeds must both have shape [K], got {list(mu.shape)} and {list(seeds.shape)}")
        mean = mu.reshape(-1, 1, 1).expand(-1, batch, self.blocks**2).contiguous()
        z = reparameterize(mean, torch.zeros_like(mean), seed=seeds)
        return z, sigmoid(z)

    def add_noise(self, images: Tensor, variance: float, seeds: Tensor) -> Tensor:
        """Images [K, batch, size] plus N(0, variance) noise in every pixel."""
        warn_of("BlockGrid.add_noise", "BlockGrid(noise_variance=…).draw(count, seeds).images")
        if not variance > 0:
            raise ValueError(f"variance must be greater than 0, got {variance}")
        return reparameterize(images, torch.full_like(images, math.log(variance)), seed=seeds)
