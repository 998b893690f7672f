"""Images of a square grid of uniform blocks: the biased-grid study's data, with known generating factors.

A factor z_k ~ N(mu, 1) gives block k the intensity sigmoid(z_k); training images add Gaussian pixel noise.
Every random number comes from `pyvae.reparameterize` with one seed per model, so that stacked models draw
what each draws alone.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pyvae.ops import reparameterize

TEST_INTENSITIES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class BlockGrid:
    """blocks x blocks blocks of pixels x pixels pixels; images are flat, row-major."""

    blocks: int = 3
    pixels: int = 7

    def __post_init__(self) -> None:
        for name, value in (("blocks", self.blocks), ("pixels", self.pixels)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")

    @property
    def latents(self) -> int:
        """Generating factors: one per block."""
        return self.blocks**2

    @property
    def side(self) -> int:
        """Pixels along one side of the image."""
        return self.blocks * self.pixels

    @property
    def size(self) -> int:
        """Pixels of an image."""
        return self.side**2

    def render(self, intensities: Tensor) -> Tensor:
        """Images [..., size] whose blocks (row-major) have the given intensities [..., latents]."""
        if intensities.shape[-1:] != (self.latents,):
            raise ValueError(f"intensities must have shape [..., {self.latents}], got {list(intensities.shape)}")
        lead = intensities.shape[:-1]
        blocks = intensities.reshape(*lead, self.blocks, 1, self.blocks, 1)
        return blocks.expand(*lead, self.blocks, self.pixels, self.blocks, self.pixels).reshape(*lead, self.size)

    def test_intensities(self) -> Tensor:
        """All combinations of {0.1, 0.5, 0.9}, [3**latents, latents]: the source's test set, last block
        fastest.
        """
        values = torch.tensor(TEST_INTENSITIES)
        return torch.cartesian_prod(*[values] * self.latents).reshape(-1, self.latents)

    def sample_intensities(self, mu: Tensor, batch: int, seeds: Tensor) -> tuple[Tensor, Tensor]:
        """Factors z ~ N(mu, 1) [K, batch, latents] and intensities sigmoid(z), for biases mu [K] and seeds
        [K] int64.
        """
        if mu.dim() != 1 or seeds.shape != mu.shape:
            raise ValueError(f"mu and seeds must both have shape [K], got {list(mu.shape)} and {list(seeds.shape)}")
        mean = mu.reshape(-1, 1, 1).expand(-1, batch, self.latents).contiguous()
        z = reparameterize(mean, torch.zeros_like(mean), seed=seeds)
        return z, z.sigmoid()

    def add_noise(self, images: Tensor, variance: float, seeds: Tensor) -> Tensor:
        """Images [K, batch, size] plus N(0, variance) noise in every pixel, from seeds [K] int64."""
        if not variance > 0:
            raise ValueError(f"variance must be greater than 0, got {variance}")
        logvar = torch.full((), variance, dtype=images.dtype, device=images.device).log()
        return reparameterize(images, logvar.expand_as(images).contiguous(), seed=seeds)
