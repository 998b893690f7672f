"""Closed smooth shapes drawn from a seed, as tables of signed distances.

A shape goes through a few corners about a circle, joined by the periodic cubic spline, as the shapes of Dziadzio et al.
(2023), "Infinite dSprites for disentangled continual learning". It is drawn again until every ray from within meets its
edge once: no shape cuts itself. Its centre of mass is the origin, and it reaches as far as the square's corners.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

CORNERS = (5, 8)  # at least and at most
RADII = (0.35, 1.3)  # of corners
JITTER = 0.5  # of a corner's angle, in half sectors
STEPS = 48  # of the edge between two corners: straight pieces are within 1e-4 of it
REACH = math.sqrt(2)
LIMIT = 2.2  # half a table's side: pixels beyond are black in any image of 8 x 8 or more
CELLS = 128
"""Across a table. Between its points distances are interpolated: at a bend of radius 0.1 they err by 0.002."""

Points = NDArray[np.float64]


def distance(points: Tensor, radius: Tensor, which: Tensor, tables: Tensor) -> Tensor:
    """Signed distance of points (u, v) [2, N, P] from the edge of the shapes `which` [N, 1], as `distances` has them of
    named shapes.

    tables are `spline_tables`; between their points values are interpolated linearly.
    """
    count, width, _ = tables.shape
    rows = count * width  # of all tables, one below the other: grid_sample's y goes from the first, -1, to the last, 1
    u, v = points.div_(LIMIT * radius).clamp_(-1, 1).unbind()
    v.mul_(CELLS / (rows - 1)).add_(which * (2 * width / (rows - 1)) + (CELLS / (rows - 1) - 1))
    below = tables.view(1, 1, rows, width).expand(len(radius), -1, -1, -1)
    places = points.permute(1, 2, 0)[:, None]
    found = functional.grid_sample(below, places, padding_mode="border", align_corners=True)
    return torch.mul(found[:, 0, 0], radius, out=u)


@lru_cache(maxsize=8)
def spline_tables(count: int, seed: int) -> Tensor:
    """Signed distances of `count` shapes in half sides, above 0 inside, float32 [count, CELLS + 1, CELLS + 1], rows
    downwards.
    """
    return torch.stack([torch.from_numpy(_table(spline_outline(number, seed))) for number in range(count)])


def spline_outline(number: int, seed: int) -> Points:
    """The edge of shape `number` of a seed, as points [P, 2] in order, the first not repeated.

    A shape is a function of its number and the seed alone: more shapes are the same ones and further ones.
    """
    random = np.random.Generator(np.random.Philox(key=np.array([number, seed], np.uint64)))
    while not _meets_rays_once(outline := _through(_corners(random))):
        pass
    outline -= _centre_of_mass(outline)
    outline *= REACH / np.hypot(outline[:, 0], outline[:, 1]).max()
    return outline


def _corners(random: np.random.Generator) -> Points:
    count = int(random.integers(CORNERS[0], CORNERS[1], endpoint=True))
    angles = (np.arange(count) + JITTER * random.uniform(-0.5, 0.5, count)) * (2 * math.pi / count)
    radii = random.uniform(*RADII, count)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], -1)


def _through(corners: Points) -> Points:
    """Points of the periodic cubic spline through corners, at equal steps of its parameter.

    Its second derivatives m at the corners p solve m[i - 1] + 4 m[i] + m[i + 1] = 6 (p[i - 1] - 2 p[i] + p[i + 1]).
    """
    count = len(corners)
    shift = np.roll(np.eye(count), 1, 0)
    bends = np.linalg.solve(shift + 4 * np.eye(count) + shift.T, 6 * (shift - 2 * np.eye(count) + shift.T) @ corners)
    t = (np.arange(STEPS) / STEPS)[:, None]
    s = 1 - t
    to, bend = np.roll(corners, -1, 0), np.roll(bends, -1, 0)
    pieces = [s * corners[i] + t * to[i] + ((s**3 - s) * bends[i] + (t**3 - t) * bend[i]) / 6 for i in range(count)]
    return np.concatenate(pieces)


def _meets_rays_once(outline: Points) -> bool:
    """Whether the outline winds once about the origin and never back."""
    after = np.roll(outline, -1, 0)
    return bool((_cross(outline, after) > 0).all())


def _centre_of_mass(outline: Points) -> Points:
    after = np.roll(outline, -1, 0)
    areas = _cross(outline, after)
    centre: Points = ((outline + after) * areas[:, None]).sum(0) / (3 * areas.sum())
    return centre


def _cross(a: Points, b: Points) -> Points:
    product: Points = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return product


def _table(outline: Points) -> NDArray[np.float32]:
    """The signed distance of every point of the table from an outline's straight pieces."""
    axis = np.linspace(-LIMIT, LIMIT, CELLS + 1)
    x, y = (part.ravel() for part in np.meshgrid(axis, axis))
    nearest, inside = np.full(x.shape, np.inf), np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, 0), strict=True):
        dx, dy = bx - ax, by - ay
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        nearest = np.minimum(nearest, np.square(x - ax - along * dx) + np.square(y - ay - along * dy))
        # A point is inside where the line from it to the right meets the edge an odd number of times.
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * dx / dy)
    signed: Points = np.where(inside, 1, -1) * np.sqrt(nearest)
    return signed.reshape(CELLS + 1, CELLS + 1).astype(np.float32)
