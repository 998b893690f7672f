"""Rendered sprites: one shape on black, told by its shape, scale, orientation, place and, if asked for, colour.

The factors are dSprites' (Matthey et al. 2017), in any sizes and resolution, drawn on demand; smooth random shapes are
those of Infinite dSprites (Dziadzio et al. 2023). Orientation leaves out the full turn, which dSprites holds beside 0.
"""

import hashlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from pyvae.data.arguments import (
    Numbers,
    check_flags,
    check_whole,
    numbers_of,
    rows_of,
    seeds_of,
    shown,
    sizes_of,
    texts_of,
)
from pyvae.data.bias import Biases, draw_factors
from pyvae.data.bias.fields import set_fields
from pyvae.data.data_set import Draw, Factor, combinations_of
from pyvae.data.formats.pixels import Pixels
from pyvae.data.formats.unpacked import Blocks, Unpacking
from pyvae.data.rendering.boxes import Renderer
from pyvae.data.rendering.distances import SHAPES

NAMES = ("shape", "scale", "orientation", "x", "y")
_RENDERING = 2  # counts changes of pixels: files of earlier ones are not read
_BLOCK = 4096  # images that are rendered at a time for a file


@dataclass(frozen=True)
class Sprites:
    """side x side images in [0, 1], flat, row-major; factors are numbers of values, from 0. Those in colour are flat
    channel by channel.

    An image is a function of its factors alone, to the bit.

    Args:
        sizes: how many values shape, scale, orientation, x and y take. Shapes come in the order of `shapes`, then
            splines.
        side: pixels down and across.
        antialias: whether edges are one pixel wide, or images 0 and 1 as in dSprites: 1 where a pixel's centre is
            within the shape.
        colours: how many hues, equally far apart from red on, are a sixth factor `colour`; with 1 sprites are white,
            without that factor and on one channel.
        splines: how many closed smooth random shapes there are beside the named ones.
        shape_seed: of splines, 0 to 2^64 - 1; more of them are the same and further ones.
        shapes: some of "square", "ellipse" and "heart".

    Raises TypeError for settings of another type, ValueError for sizes below 1, more shapes than there are or
    not all of the splines, a side below 8, and other values out of range.
    """

    sizes: tuple[int, int, int, int, int] = (3, 6, 40, 32, 32)
    side: int = 64
    antialias: bool = True
    colours: int = 1
    splines: int = 0
    shape_seed: int = 0
    shapes: tuple[str, ...] = SHAPES

    def __post_init__(self) -> None:
        set_fields(self, sizes=sizes_of(self.sizes, NAMES), shapes=texts_of("shapes", self.shapes))
        check_whole(8, side=self.side)
        check_flags(antialias=self.antialias)
        check_whole(colours=self.colours)
        check_whole(0, splines=self.splines)
        check_whole(0, 2**64 - 1, shape_seed=self.shape_seed)
        self._check_shapes()

    def _check_shapes(self) -> None:
        if len(set(self.shapes)) < len(self.shapes) or not set(self.shapes) <= set(SHAPES):
            raise ValueError(f"shapes must be some of {', '.join(SHAPES)}, each once, got {self.shapes}")
        first, named, most = self.sizes[0], len(self.shapes), len(self.shapes) + self.splines
        if first > most:
            raise ValueError(f"sizes must start with at most {most} shapes, got {first}")
        if self.splines and first < most:
            raise ValueError(f"sizes must start with {most} for {named} shapes and {self.splines} splines, got {first}")

    @cached_property
    def _renderer(self) -> Renderer:
        kinds = [*map(SHAPES.index, self.shapes), *range(len(SHAPES), len(SHAPES) + self.splines)]
        return Renderer(
            self.sizes, tuple(kinds[: self.sizes[0]]), self.side, self.antialias, self.colours, self.shape_seed
        )

    @property
    def _sizes(self) -> tuple[int, ...]:
        """Of all factors, that of the colour too if it is one."""
        return (*self.sizes, self.colours) if self.colours > 1 else self.sizes

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Shape, scale, orientation, x, y, and the colour if there are several."""
        names = (*NAMES, "colour")[: len(self._sizes)]
        return tuple(Factor(name, size, name == "shape") for name, size in zip(names, self._sizes, strict=True))

    @property
    def shape(self) -> tuple[int, ...]:
        """Pixels down and across, and 3 channels before these in colour."""
        return (3, self.side, self.side) if self.colours > 1 else (self.side, self.side)

    @property
    def size(self) -> int:
        """Numbers of an image."""
        return math.prod(self.shape)

    @property
    def count(self) -> int:
        """Combinations of factors."""
        return math.prod(self._sizes)

    @property
    def streams(self) -> tuple[str, ...]:
        """The factors alone: images have no noise."""
        return ("factors",)

    def images(self, factors: Numbers) -> Tensor:
        """The share of every pixel that the sprite covers times its colour, [..., size] float32, of whole factors
        [..., F].

        Raises TypeError for what holds no numbers, ValueError for another number of factors, values out of range and
        fractions.
        """
        return self._images(numbers_of(factors, self._sizes))

    def _images(self, factors: Tensor) -> Tensor:
        """`images` of factors known to be in range; asking would make a GPU wait at each draw."""
        return self._renderer.render(factors.reshape(-1, factors.shape[-1])).reshape(*factors.shape[:-1], self.size)

    def cached(self, cache: Path | str | Literal[False], *, progress: bool = True) -> "CachedSprites":
        """The same data set with all its images in a file, mapped: a byte for each pixel and channel, so that images
        differ by up to 1 / 510.

        Args:
            cache: the folder of the file, `sprites-<digest of the settings>.npy`, which is written if it is not there,
                whole or not at all, whatever interrupts; or False, which holds the images in memory.
            progress: whether a bar on standard error tells how far that is.

        Raises ValueError for True, since sprites lie in no folder, and for one that cannot be written or lacks room, or
        has another's file of that name; TypeError for arguments of another type.
        """
        if cache is not False and not isinstance(cache, str | os.PathLike):
            wrong = ValueError if cache is True else TypeError
            raise wrong(f"cache must be the folder of the file, or False for memory, got {shown(cache)}")
        check_flags(progress=progress)
        identity = f"{self._renderer} {_RENDERING}"
        name = f"sprites-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.npy"
        steps = math.ceil(self.count / _BLOCK)
        file = Unpacking(Path("sprites"), name, identity, (self.count, *self.shape), self._blocks, steps)
        images = file.open(cache, progress=progress)
        settings = {setting.name: getattr(self, setting.name) for setting in fields(Sprites)}
        return CachedSprites(**settings, pixels=Pixels(images, white=255, channels_first=True))

    def _blocks(self) -> Blocks:
        """All images in the order of `labels`, block by block with the number of the first."""
        for first in range(0, self.count, _BLOCK):
            numbers = torch.arange(first, min(first + _BLOCK, self.count))
            factors = combinations_of(numbers, self._sizes)
            yield first, self._renderer.render(factors, torch.uint8).numpy().reshape(-1, *self.shape)

    def draw(self, count: int, seeds: Mapping[str, Tensor], bias: Biases = None) -> Draw:
        """`count` random sprites for each of K models, factors uniform and independent but for `bias`.

        bias is one for all models, one for each, or holds for some factors by name the weights of their values, [size]
        or a row for each model [K, size]. Raises ValueError for a bias of other factors, values or numbers of models,
        and TypeError and ValueError for seeds that are no int64 tensor [K].
        """
        (factor_seeds,) = seeds_of(seeds, self.streams)
        factors = draw_factors(self.factors, count, factor_seeds, bias)
        return Draw(factors, self._images(factors), self._rows(factors))

    def _rows(self, factors: Tensor) -> Tensor:
        """The rows of combinations in `test_factors`."""
        rows = torch.zeros(factors.shape[:-1], dtype=torch.int64, device=factors.device)
        for values, size in zip(factors.long().unbind(-1), self._sizes, strict=True):
            rows = rows * size + values
        return rows

    def test_factors(self) -> Tensor:
        """Every combination of factors, the last fastest."""
        return self.labels()

    def labels(self) -> Tensor:
        """The same: factors are numbers of values."""
        return torch.cartesian_prod(*map(torch.arange, self._sizes))

    def test_images(self, rows: Numbers) -> Tensor:
        """Images [..., size] of rows [...] of `test_factors`, without noise.

        Raises TypeError for other than whole numbers, ValueError for rows out of range.
        """
        return self._images(combinations_of(rows_of(rows, self.count), self._sizes))


@dataclass(frozen=True)
class CachedSprites(Sprites):
    """Sprites whose images are read from a file, by `Sprites.cached`."""

    pixels: Pixels = field(kw_only=True, repr=False, compare=False)

    def _images(self, factors: Tensor) -> Tensor:
        return self.pixels.take(self._rows(factors))
