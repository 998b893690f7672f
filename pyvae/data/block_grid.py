"""Images of a square grid of uniform blocks, with known generating factors: the biased-grid study's data.

A factor z_k ~ N(mu, 1) gives block k the intensity sigmoid(z_k); mu is the bias, 0 in the unbiased distribution and
another number after a `Shift`. Images that are drawn carry Gaussian pixel noise. Every random number comes from
`pyvae.reparameterize` with one seed per model, so that stacked models draw what each draws alone.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pyvae.data.arguments import (
    Numbers,
    check_whole,
    factors_of,
    finite_number,
    rows_of,
    seeds_of,
    tensor_of,
)
from pyvae.data.bias import Biases, biases_of, means_of
from pyvae.data.data_set import Draw, Factor, combinations_of
from pyvae.data.deprecated import EarlierBlockGrid
from pyvae.data.elementwise import sigmoid
from pyvae.ops import reparameterize
from pyvae.ops.arguments import short_name

TEST_INTENSITIES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class BlockGrid(EarlierBlockGrid):
    """blocks x blocks blocks of pixels x pixels pixels; images are flat, row-major.

    Raises TypeError for sizes that are no whole numbers and a noise variance that is no number, ValueError for ones
    below 1 and a variance that is not positive and finite.
    """

    blocks: int = 3
    pixels: int = 7
    noise_variance: float = 0.25
    """Of the pixel noise of images that are drawn."""

    def __post_init__(self) -> None:
        check_whole(blocks=self.blocks, pixels=self.pixels)
        if finite_number("noise_variance", self.noise_variance) <= 0:
            raise ValueError(f"noise_variance must be greater than 0, got {self.noise_variance}")

    @property
    def factors(self) -> tuple[Factor, ...]:
        """One per block, continuous."""
        return tuple(Factor(f"block {k}") for k in range(self.blocks**2))

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels down and across."""
        return (self.blocks * self.pixels, self.blocks * self.pixels)

    @property
    def size(self) -> int:
        """Pixels of an image."""
        return math.prod(self.shape)

    @property
    def count(self) -> int | None:
        """None: images never end."""
        return None

    @property
    def streams(self) -> tuple[str, ...]:
        """The factors and the pixel noise."""
        return ("factors", "pixels")

    def images(self, factors: Numbers) -> Tensor:
        """Images [..., size] of factors z [..., blocks**2], without noise.

        Raises TypeError for what holds no numbers, ValueError for another number of factors.
        """
        return self.render(sigmoid(factors_of(factors, self.blocks**2, torch.float32)))

    def render(self, intensities: Numbers) -> Tensor:
        """Images [..., size] whose blocks (row-major) have the given intensities [..., blocks**2].

        Raises TypeError for what holds no numbers, ValueError for another number of intensities.
        """
        blocks, intensities = self.blocks**2, tensor_of("intensities", intensities)
        if intensities.shape[-1:] != (blocks,):
            raise ValueError(f"intensities must have shape [..., {blocks}], got {list(intensities.shape)}")
        lead = intensities.shape[:-1]
        side = self.blocks * self.pixels
        # A row of each block first: copies of whole rows are three times as fast as those of single blocks.
        rows = intensities.unsqueeze(-1).expand(*intensities.shape, self.pixels).reshape(*lead, self.blocks, 1, side)
        return rows.expand(*lead, self.blocks, self.pixels, side).reshape(*lead, self.size)

    def draw(self, count: int, seeds: Mapping[str, Tensor], bias: Biases | Tensor = None) -> Draw:
        """Factors z ~ N(0, 1) but for `bias`, and their images with pixel noise, for each of K models.

        bias is one for all models, such as `Bias(Shift("*", 2.0))`, one for each, or a tensor [K] of means for all
        blocks. Raises ValueError where seeds and means are not all [K], and for a bias of other factors or numbers of
        models, TypeError for seeds that are no int64 tensors, and for means and counts of another type.
        """
        check_whole(count=count)
        factor_seeds, pixel_seeds = seeds_of(seeds, self.streams)
        means = self._means(bias, len(factor_seeds)).to(factor_seeds.device)
        if not means.shape[:1] == factor_seeds.shape == pixel_seeds.shape:
            shapes = f"{list(means.shape[:1])}, {list(factor_seeds.shape)} and {list(pixel_seeds.shape)}"
            raise ValueError(f"bias and both seeds must have shape [K], got {shapes}")
        mean = means.unsqueeze(1).expand(-1, count, -1).contiguous()
        z = reparameterize(mean, torch.zeros_like(mean), seed=factor_seeds)
        clean = self.images(z)
        logvar = torch.full_like(clean, math.log(self.noise_variance))
        return Draw(z, reparameterize(clean, logvar, seed=pixel_seeds))

    def test_factors(self) -> Tensor:
        """The logits of `test_intensities`."""
        return _logits(self.labels())

    def test_intensities(self) -> Tensor:
        """All combinations of {0.1, 0.5, 0.9}, [3**(blocks**2), blocks**2], last block fastest."""
        return torch.tensor(TEST_INTENSITIES)[self.labels()]

    def labels(self) -> Tensor:
        """All combinations of 0, 1 and 2, the numbers of the test intensities."""
        values = torch.arange(len(TEST_INTENSITIES))
        return torch.cartesian_prod(*[values] * self.blocks**2).reshape(-1, self.blocks**2)

    def test_images(self, rows: Numbers) -> Tensor:
        """Images [..., size] of rows [...] of `test_factors`, without noise.

        Raises TypeError for other than whole numbers, ValueError for rows out of range.
        """
        values = len(TEST_INTENSITIES)
        blocks = int(self.blocks) ** 2  # a number of numpy would wrap below
        labels = combinations_of(rows_of(rows, values**blocks), (values,) * blocks)
        return self.images(_logits(labels))

    def _means(self, bias: Biases | Tensor, models: int) -> Tensor:
        """Of the factors, [K, blocks**2]."""
        if not isinstance(bias, Tensor):
            return means_of(self.factors, biases_of(bias, self.factors, models))
        if not bias.is_floating_point():
            raise TypeError(f"bias must be a tensor of a float type, got {short_name(bias.dtype)}")
        if bias.dim() != 1:
            raise ValueError(f"bias must have shape [K], got {list(bias.shape)}")
        return bias.unsqueeze(1).expand(-1, self.blocks**2)


def _logits(labels: Tensor) -> Tensor:
    """The factors that give the test intensities of such numbers."""
    return torch.tensor(TEST_INTENSITIES, device=labels.device).logit()[labels]
