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
    """What the factors of images mean, each [N, 1, 1]: numbers of shapes, radii and places of centres in image widths,
    cosines and sines; hues are [N, channels, 1, 1].
    """

    kind: Tensor
    radius: Tensor
    cosine: Tensor
    sine: Tensor
    x: Tensor
    y: Tensor
    hue: Tensor


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
        first, boxes = self._boxes(self._sprites(factors), None, self.sizes[1] - 1, images.dtype)
        lines = self._lines(first, boxes.shape[-1])[..., None]
        places = lines + torch.arange(boxes.shape[-1], device=first.device)
        return images.scatter_(1, places.flatten(1), boxes.flatten(1))

    def _sprites(self, factors: Tensor) -> Sprite:
        columns = factors[:, (0, 1, 2, 2, 3, 4)].unbind(-1)
        *tables, hues = _tables(self.sizes, self.kinds, self.colours, factors.device)
        values = [table[column][:, None, None] for table, column in zip(tables, columns, strict=True)]
        hue = hues[factors[:, 5]] if self.channels > 1 else hues.expand(len(factors), -1)
        return Sprite._make((*values, hue[:, :, None, None]))

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
                yield order[part], Sprite._make(values[part] for values in sprites), number, int(factors[part, 1][-1])
            start += count

    def _boxes(self, sprites: Sprite, family: int | None, scale: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Of sprites up to a scale, boxes of all pixels that they can cover, [N, channels, W, W], and the first one's
        place in its image, [N].
        """
        kind, radius, cosine, sine, x, y, hue = sprites
        pixels = torch.arange(self._width(family, scale), dtype=torch.float32, device=x.device)
        left, top = (self._first(centre, len(pixels)) for centre in (x, y))
        across = (left + (pixels + 0.5)).div_(self.side).sub_(x)  # [N, 1, W]
        down = (top + (pixels + 0.5)[:, None]).div_(self.side).sub_(y)  # [N, W, 1]
        u = (across * cosine + down * sine).div_(radius)
        v = (down * cosine - across * sine).div_(radius)
        cover = self._cover(self._distance(u, v, kind, family).mul_(radius).mul_(self.side))[:, None]
        if self.channels > 1:
            cover = cover * hue
        if dtype == torch.uint8:
            cover = cover.mul_(255).round_().to(torch.uint8)
        return top.mul_(self.side).add_(left).long().flatten(), cover

    def _width(self, family: int | None, scale: int) -> int:
        """Of a box around any sprite up to a scale, whatever its place, at most the image's."""
        radius = RADIUS * (SMALLEST + (1 - SMALLEST) * (scale / (self.sizes[1] - 1) if self.sizes[1] > 1 else 0.5))
        reach = max(REACH) if family is None else REACH[family]
        return min(self.side, math.floor(2 * (reach * radius * self.side + 0.5)) + 2)

    def _first(self, centre: Tensor, width: int) -> Tensor:
        """The first pixel of a box that has the centre in its middle, moved as far as it takes to stay in the image."""
        return (centre * self.side).sub_((width - 1) / 2).floor_().clamp_(0, self.side - width)

    def _lines(self, first: Tensor, width: int) -> Tensor:
        """Where the lines of boxes start, [N, channels, W]."""
        planes, lines = (torch.arange(size, device=first.device) for size in (self.channels, width))
        return first[:, None, None] + (planes[:, None] * self.side**2 + lines * self.side)

    def _paste(self, images: Tensor, rows: Tensor, first: Tensor, boxes: Tensor) -> None:
        """Writes boxes into rows of images, by whole lines of a box: indices of pixels would take longer than boxes."""
        flat, width = images.numpy().reshape(-1), boxes.shape[-1]
        lines = as_strided(flat, (flat.size - width + 1, width), 2 * flat.strides)  # from any pixel on
        lines[self._lines(first + rows * images.shape[1], width).numpy()] = boxes.numpy()

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

    def _cover(self, distance: Tensor) -> Tensor:
        """The share of a pixel within a shape whose edge is at a distance in pixels: an edge is one pixel wide, or
        decided at a pixel's centre.
        """
        return (0.5 - distance).clamp_(0.0, 1.0) if self.antialias else (distance <= 0).float()


@lru_cache(maxsize=64)
def _tables(sizes: tuple[int, ...], kinds: tuple[int, ...], colours: int, device: torch.device) -> tuple[Tensor, ...]:
    """What each value of a factor means, in the order of Sprite; hues [colours, channels]."""
    scales, turns, xs, ys = (torch.arange(size, dtype=torch.float32) for size in sizes[1:5])
    radius = RADIUS * (SMALLEST + (1 - SMALLEST) * _share(scales))
    angle = 2 * math.pi * turns / len(turns)
    x, y = (MARGIN + (1 - 2 * MARGIN) * _share(values) for values in (xs, ys))
    hues = [colorsys.hsv_to_rgb(number / colours, 1.0, 1.0) if colours > 1 else (1.0,) for number in range(colours)]
    tables = (torch.tensor(kinds), radius, angle.cos(), angle.sin(), x, y, torch.tensor(hues))
    return tuple(table.to(device) for table in tables)


def _share(values: Tensor) -> Tensor:
    """Where each value stands between the first, 0, and the last, 1; the middle where there is one only."""
    return values / (len(values) - 1) if len(values) > 1 else torch.full_like(values, 0.5)
