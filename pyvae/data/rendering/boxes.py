"""Sprites as boxes of pixels on black: only what a sprite can cover is computed.

The image of given factors has the same bits in any batch: every operation is on one pixel of one image.
"""

import colorsys
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyvae.data.rendering import distances, splines

RADIUS = 0.17  # of a sprite of scale 1, in image widths: half a side of the square
SMALLEST = 0.5  # scale
MARGIN = 0.26  # from an edge to the outermost centres: no sprite leaves the image, whatever its orientation
TOGETHER = 128  # boxes computed at a time on a CPU, of a few hundred KiB, so that they stay in its cache
NAMED = len(distances.NAMED)
REACH = (*distances.REACH, splines.REACH)

Numbers = NDArray[np.int64]


class Sprite(NamedTuple):
    """What the factors of images mean: numbers of shapes and radii in pixels, [N, 1]; how much of a step to the right
    and of one down is along u and along v, [2, 2, N, 1]; hues, [N, channels, 1]; and rows of `Strips`, [2 N].
    """

    kind: Tensor
    radius: Tensor
    rotation: Tensor
    hue: Tensor
    place: Tensor


class Strips(NamedTuple):
    """Boxes of one width. By the number of a place, those of x before those of y: how many pixels from the centre
    theirs are, [X + Y, W], and where they start in their image, the sum of both, [X + Y]. And where their lines start
    from there, [channels, W].
    """

    pixels: Tensor
    start: Tensor
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

    @cached_property
    def _families(self) -> Numbers:
        """The number of each shape's family: a named shape, or behind these all splines."""
        return np.minimum(self.kinds, NAMED)

    def render(self, factors: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Images [N, channels * side * side] of whole factors [N, 5], or [N, 6] with colours, on their device: the
        share of each pixel that the sprite covers, times its colour, in [0, 1]; as uint8 the nearest 255th.
        """
        factors = factors.long()
        images = torch.zeros(len(factors), self.channels * self.side**2, dtype=dtype, device=factors.device)
        if factors.device.type != "cpu":  # which would have to wait for a look at the factors
            return self._at_once(factors, images)
        for rows, columns, counts, scale in self._groups(factors.numpy().T):
            self._paste(images, rows, *self._boxes(columns, counts, scale, dtype))
        return images

    def _at_once(self, factors: Tensor, images: Tensor) -> Tensor:
        """Writes boxes that hold any sprite into black images."""
        lines, boxes = self._boxes(factors.T, None, self.sizes[1] - 1, images.dtype)
        places = lines[..., None] + torch.arange(boxes.shape[-1], device=lines.device)
        return images.scatter_(1, places.flatten(1), boxes.flatten(1))

    def _groups(self, columns: Numbers) -> Iterator[tuple[Numbers, Tensor, list[int], int]]:
        """Of columns of factors [F, N], rows of about one scale that are computed together: their numbers, family by
        family, their columns, how many each family has, and their largest scale.
        """
        shape, scale = columns[:2]  # numpy takes a third of torch's time for so few numbers
        family = self._families[shape]
        order = scale.argsort(kind="stable")
        for first in range(0, len(order), TOGETHER):
            rows = order[first : first + TOGETHER]
            largest, families = int(scale[rows[-1]]), family[rows]
            rows = rows[families.argsort(kind="stable")]
            yield rows, torch.from_numpy(columns[:, rows]), np.bincount(families).tolist(), largest

    def _sprites(self, columns: Tensor) -> Sprite:
        kinds, radii, rotations, hues, first_place = _tables(self, columns.device)
        shape, scale, turn, _, _, *colour = columns.unbind()
        return Sprite(
            kind=kinds.index_select(0, shape),
            radius=radii.index_select(0, scale),
            rotation=rotations.index_select(2, turn),
            hue=hues.index_select(0, colour[0]) if colour else hues,
            place=(columns[3:5] + first_place).flatten(),
        )

    def _boxes(
        self, columns: Tensor, counts: list[int] | None, scale: int, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        """Of sprites up to a scale, so many of each family: where the lines of their boxes start in their images,
        [N, channels, W], and the boxes, which hold all pixels that they can cover, [N, channels, W, W].
        """
        sprites, strips = self._sprites(columns), _strips(self, scale, columns.device)
        pixels = strips.pixels.index_select(0, sprites.place).view(2, 1, columns.shape[1], -1)
        across, down = (pixels * sprites.rotation).unbind()
        points = (across[:, :, None] + down[..., None]).flatten(2)
        cover = self._cover(self._distances(points, sprites, counts))[:, None]
        if self.channels > 1:
            cover = cover * sprites.hue
        if dtype == torch.uint8:
            cover = cover.mul_(255).round_().to(torch.uint8)
        lines = strips.start.index_select(0, sprites.place).view(2, -1, 1, 1).sum(0) + strips.lines
        return lines, cover.view(*lines.shape, -1)

    def _paste(self, images: Tensor, rows: Numbers, lines: Tensor, boxes: Tensor) -> None:
        """Writes boxes into rows of images, by whole lines of a box: indices of pixels would take longer than boxes."""
        from_any_pixel = images.view(-1).unfold(0, boxes.shape[-1], 1).numpy()
        places = lines.numpy()
        places += (rows * images.shape[1])[:, None, None]
        from_any_pixel[places] = boxes.numpy()

    def _distances(self, points: Tensor, sprites: Sprite, counts: list[int] | None) -> Tensor:
        """Signed distances of points [2, N, P], overwriting them, of so many sprites of each family; without counts
        every family's, each where a sprite's kind asks for it.
        """
        if counts is None:
            first, *others = sorted({min(kind, NAMED) for kind in self.kinds})
            found = self._distance(first, points.clone(), sprites.radius, sprites.kind)
            for family in others:
                distance = self._distance(family, points.clone(), sprites.radius, sprites.kind)
                found = torch.where(sprites.kind >= family, distance, found)
            return found
        parts = zip(points.split(counts, 1), sprites.radius.split(counts), sprites.kind.split(counts), strict=True)
        for family, part in enumerate(parts):
            if counts[family]:
                self._distance(family, *part)
        return points[0]

    def _distance(self, family: int, points: Tensor, radius: Tensor, kind: Tensor) -> Tensor:
        """Of the family's shapes, in points[0], overwriting points."""
        if family < NAMED:
            u, v = points.unbind()
            return distances.NAMED[family](u, v, radius)
        tables = splines.spline_tables(max(self.kinds) - NAMED + 1, self.shape_seed).to(points.device)
        return splines.distance(points, radius, kind - NAMED, tables)

    def _cover(self, distance: Tensor) -> Tensor:
        """The share of a pixel within a shape, of how far its centre is inside: an edge is one pixel wide, or none."""
        return distance.add_(0.5).clamp_(0.0, 1.0) if self.antialias else (distance >= 0).float()


@lru_cache(maxsize=64)
def _tables(renderer: Renderer, device: torch.device) -> tuple[Tensor, ...]:
    """What each value of shape, scale, orientation and colour means, as in Sprite; and the places of x and y 0."""
    turns, colours = renderer.sizes[2], renderer.colours
    angle = 2 * math.pi * torch.arange(turns, dtype=torch.float32) / turns
    rotations = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2, -1)
    hues = [colorsys.hsv_to_rgb(number / colours, 1.0, 1.0) if colours > 1 else (1.0,) for number in range(colours)]
    first_place = torch.tensor([0, renderer.sizes[3]])
    tables = (torch.tensor(renderer.kinds), _radii(renderer), rotations, torch.tensor(hues), first_place)
    return tuple(table[..., None].to(device) for table in tables)


@lru_cache(maxsize=256)
def _strips(renderer: Renderer, scale: int, device: torch.device) -> Strips:
    """Of boxes around any sprite up to a scale, whatever its place, moved where they would leave the image."""
    side = renderer.side
    share = scale / (renderer.sizes[1] - 1) if renderer.sizes[1] > 1 else 0.5  # no tensor's: a number is asked for
    reach = (
        side * RADIUS * (SMALLEST + (1 - SMALLEST) * share) * max(REACH[min(kind, NAMED)] for kind in renderer.kinds)
    )
    reach += math.sqrt(0.5)  # of half a pixel that is covered in part, across a corner
    width = min(side, math.floor(2 * reach) + 1)
    steps, across, down = torch.arange(width), *map(_share, renderer.sizes[3:5])
    centre = side * (MARGIN + (1 - 2 * MARGIN) * torch.cat([across, down]))
    first = (centre - reach + 0.5).floor().clamp(0, side - width).long()
    pixels = first[:, None] + steps + 0.5 - centre[:, None]
    start = torch.cat([first[: len(across)], side * first[len(across) :]])
    lines = torch.arange(renderer.channels)[:, None] * side**2 + steps * side
    return Strips(pixels.to(device), start.to(device), lines.to(device))


def _radii(renderer: Renderer) -> Tensor:
    """Of each scale, in pixels."""
    return renderer.side * RADIUS * (SMALLEST + (1 - SMALLEST) * _share(renderer.sizes[1]))


def _share(size: int) -> Tensor:
    """Where each of so many values stands between the first, 0, and the last, 1; the middle where there is one only."""
    return torch.arange(size, dtype=torch.float32) / (size - 1) if size > 1 else torch.tensor([0.5])
