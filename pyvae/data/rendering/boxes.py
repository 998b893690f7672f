"""Sprites as boxes of pixels on black: only what a sprite can cover is computed.

The image of given factors has the same bits in any batch: every operation is on one pixel of one image.
"""

import colorsys
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from numpy.lib.stride_tricks import as_strided
from torch import Tensor

from pyvae.data.rendering import distances, splines

RADIUS = 0.17  # of a sprite of scale 1, in image widths: half a side of the square
SMALLEST = 0.5  # scale
MARGIN = 0.26  # from an edge to the outermost centres: no sprite leaves the image, whatever its orientation
TOGETHER = 128  # boxes computed at a time on a CPU, of a few hundred KiB, so that they stay in its cache
NAMED = len(distances.NAMED)
REACH = (*distances.REACH, splines.REACH)


class Sprite(NamedTuple):
    """What the factors of images mean, each [N, 1, 1]: numbers of shapes, radii in image widths, cosines and sines;
    hues, [N, channels, 1, 1]; and the numbers of places, [N].
    """

    kind: Tensor
    radius: Tensor
    cosine: Tensor
    sine: Tensor
    hue: Tensor
    x: Tensor
    y: Tensor


class Strips(NamedTuple):
    """Of boxes of one width, by the number of a place: how far their pixels are from the centre in image widths, across
    [X, 1, W] and down [Y, W, 1]; where they start in their image, the sum of both parts [X] and [Y]; and where their
    lines start from there, [channels, W].
    """

    across: Tensor
    down: Tensor
    left: Tensor
    top: Tensor
    lines: Tensor


@dataclass(frozen=True)
class Renderer:
    """Images of side x side pixels.

    Args:
        sizes: how many values shape, scale, orientation, x and y take.
        kinds: the number of each shape: of `distances.NAMED`, or behind these of a spline.
        side: pixels down and across.
        antialias: whether edges are one pixel wide, or a pixel is white if its centre is within the shape.
        colours: how many hues there are; one is white, on images of one channel instead of three.
        shape_seed: of splines.
    """

    sizes: tuple[int, ...]
    kinds: tuple[int, ...]
    side: int
    antialias: bool = True
    colours: int = 1
    shape_seed: int = 0

    @property
    def channels(self) -> int:
        """3 where there are colours."""
        return 3 if self.colours > 1 else 1

    def render(self, factors: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Images [N, channels * side * side] of whole factors [N, 5], or [N, 6] with colours, on their device: the
        share of each pixel that the sprite covers, times its colour, in [0, 1]; as uint8 the nearest 255th.
        """
        factors = factors.long()
        images = torch.zeros(len(factors), self.channels * self.side**2, dtype=dtype, device=factors.device)
        if factors.device.type != "cpu":  # which would have to wait for a look at the factors
            return self._at_once(factors, images)
        for rows, sprites, family, scale in self._groups(factors):
            self._paste(images, rows, *self._boxes(sprites, family, scale, images.dtype))
        return images

    def _at_once(self, factors: Tensor, images: Tensor) -> Tensor:
        """Writes boxes that hold any sprite into black images."""
        lines, boxes = self._boxes(self._sprites(factors), None, self.sizes[1] - 1, images.dtype)
        places = lines[..., None] + torch.arange(boxes.shape[-1], device=lines.device)
        return images.scatter_(1, places.flatten(1), boxes.flatten(1))

    def _sprites(self, factors: Tensor) -> Sprite:
        kinds, radii, cosines, sines, hues = _tables(self.sizes, self.kinds, self.colours, factors.device)
        shape, scale, turn, x, y, *colour = factors.unbind(-1)
        hue = hues[colour[0]] if self.channels > 1 else hues.expand(len(factors), 1, 1, 1)
        return Sprite(kinds[shape], radii[scale], cosines[turn], sines[turn], hue, x, y)

    def _groups(self, factors: Tensor) -> Iterator[tuple[Tensor, Sprite, int, int]]:
        """Rows that have one distance and about one scale: their numbers, sprites, the distance's number and their
        largest scale.
        """
        family = torch.tensor(self.kinds)[factors[:, 0]].clamp_(max=NAMED)
        order = (family * self.sizes[1] + factors[:, 1]).argsort()
        factors = factors[order]
        sprites, start = self._sprites(factors), 0
        for number, count in enumerate(torch.bincount(family).tolist()):
            for first in range(start, start + count, TOGETHER):
                part = slice(first, min(first + TOGETHER, start + count))
                together = Sprite._make(values[part] for values in sprites)
                yield order[part], together, number, int(factors[part, 1][-1])
            start += count

    def _boxes(self, sprites: Sprite, family: int | None, scale: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Of sprites up to a scale: where the lines of their boxes start in their images, [N, channels, W], and the
        boxes, which hold all pixels that they can cover, [N, channels, W, W].
        """
        kind, radius, cosine, sine, hue, x, y = sprites
        strips = _strips(self, self._width(family, scale), x.device)
        across, down = strips.across[x], strips.down[y]
        u = (across * cosine + down * sine).div_(radius)
        v = (down * cosine - across * sine).div_(radius)
        cover = self._cover(self._distance(u, v, kind, family).mul_(radius).mul_(-self.side))[:, None]
        if self.channels > 1:
            cover = cover * hue
        if dtype == torch.uint8:
            cover = cover.mul_(255).round_().to(torch.uint8)
        return (strips.left[x] + strips.top[y])[:, None, None] + strips.lines, cover

    def _width(self, family: int | None, scale: int) -> int:
        """Of a box around any sprite up to a scale, whatever its place, at most the image's."""
        radius = RADIUS * (SMALLEST + (1 - SMALLEST) * (scale / (self.sizes[1] - 1) if self.sizes[1] > 1 else 0.5))
        reach = max(REACH) if family is None else REACH[family]
        return min(self.side, math.floor(2 * (reach * radius * self.side + 0.5)) + 2)

    def _paste(self, images: Tensor, rows: Tensor, lines: Tensor, boxes: Tensor) -> None:
        """Writes boxes into rows of images, by whole lines of a box: indices of pixels would take longer than boxes."""
        flat, width = images.numpy().reshape(-1), boxes.shape[-1]
        from_any_pixel = as_strided(flat, (flat.size - width + 1, width), 2 * flat.strides)
        from_any_pixel[lines.add_((rows * images.shape[1])[:, None, None]).numpy()] = boxes.numpy()

    def _distance(self, u: Tensor, v: Tensor, kind: Tensor, family: int | None) -> Tensor:
        """Of the family's shapes, overwriting u and v; without one of every family, each where its kind asks for it."""
        if family is None:
            first, *others = sorted({min(number, NAMED) for number in self.kinds})
            distance = self._distance(u.clone(), v.clone(), kind, first)
            for number in others:
                distance = torch.where(kind >= number, self._distance(u.clone(), v.clone(), kind, number), distance)
            return distance
        if family < NAMED:
            return distances.NAMED[family](u, v)
        tables = splines.spline_tables(max(self.kinds) - NAMED + 1, self.shape_seed).to(u.device)
        return splines.distance(u, v, (kind - NAMED).clamp_(min=0), tables)

    def _cover(self, depth: Tensor) -> Tensor:
        """The share of a pixel within a shape, of how many pixels its centre is inside: an edge is one pixel wide, or
        none.
        """
        return depth.add_(0.5).clamp_(0.0, 1.0) if self.antialias else (depth >= 0).float()


@lru_cache(maxsize=64)
def _tables(sizes: tuple[int, ...], kinds: tuple[int, ...], colours: int, device: torch.device) -> tuple[Tensor, ...]:
    """What each value of shape, scale, orientation (twice) and colour means, as in Sprite."""
    radius = RADIUS * (SMALLEST + (1 - SMALLEST) * _share(sizes[1]))
    angle = 2 * math.pi * torch.arange(sizes[2], dtype=torch.float32) / sizes[2]
    hues = [colorsys.hsv_to_rgb(number / colours, 1.0, 1.0) if colours > 1 else (1.0,) for number in range(colours)]
    tables = (torch.tensor(kinds), radius, angle.cos(), angle.sin(), torch.tensor(hues))
    return tuple(table[..., None, None].to(device) for table in tables)


@lru_cache(maxsize=256)
def _strips(renderer: Renderer, width: int, device: torch.device) -> Strips:
    """Boxes have the centre in their middle, but for those that are moved to stay in the image."""
    side, pixels = renderer.side, torch.arange(width)
    first, offsets = [], []
    for size in renderer.sizes[3:5]:
        centre = MARGIN + (1 - 2 * MARGIN) * _share(size)
        start = (centre * side - (width - 1) / 2).floor().clamp(0, side - width).long()
        first.append(start)
        offsets.append(((start[:, None] + pixels) + 0.5) / side - centre[:, None])
    lines = torch.arange(renderer.channels)[:, None] * side**2 + pixels * side
    strips = (offsets[0][:, None], offsets[1][:, :, None], first[0], first[1] * side, lines)
    return Strips._make(strip.to(device) for strip in strips)


def _share(size: int) -> Tensor:
    """Where each of so many values stands between the first, 0, and the last, 1; the middle where there is one only."""
    return torch.arange(size, dtype=torch.float32) / (size - 1) if size > 1 else torch.tensor([0.5])
