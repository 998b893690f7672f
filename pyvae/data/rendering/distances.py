"""Signed distances from a shape's edge, below 0 inside, of shapes about as large as the square with half a side of 1.

u grows to the right and v downwards, from a shape's centre of mass; functions may overwrite both. NAMED has a function
for each named shape, in the order of SHAPES, and REACH how far from its centre each goes.
"""

import math

import torch
from torch import Tensor

SHAPES = ("square", "ellipse", "heart")

# How far above the square's centre the heart's centre of mass lies, in half sides: the half circles' share of the area
# times the height of theirs.
HEART_CENTRE = (math.pi / (4 + math.pi)) * (1 + 4 / (3 * math.pi)) * math.sqrt(0.5)
HALF_AXES = (0.8, 1.3)
HEART_HALF = 0.8  # a side of the heart's square


def square(u: Tensor, v: Tensor) -> Tensor:
    """Of the square: the larger of both distances, which is too short beyond a corner."""
    return torch.maximum(u.abs_(), v.abs_(), out=u).sub_(1)


def ellipse(u: Tensor, v: Tensor) -> Tensor:
    """Of the ellipse, near its edge: the implicit form over the length of its gradient."""
    a, b = HALF_AXES
    level = (u / a).hypot_(v / b)
    slope = u.div_(a**2).hypot_(v.div_(b**2)).div_(level.clamp_min(1e-6)).clamp_min_(1e-6)
    return level.sub_(1).div_(slope)


def heart(u: Tensor, v: Tensor) -> Tensor:
    """Of a square on its corner with a half circle on each of its upper sides."""
    half = HEART_HALF
    v.sub_(half * HEART_CENTRE)
    p, q = (u + v).mul_(math.sqrt(0.5)), v.sub_(u).mul_(math.sqrt(0.5))  # along the sides
    left, right = (p + half).hypot_(q), (q + half).hypot_(p)
    nearest = torch.minimum(left, right, out=left)
    return torch.minimum(nearest, torch.maximum(p.abs_(), q.abs_(), out=p), out=nearest).sub_(half)


NAMED = (square, ellipse, heart)
REACH = (math.sqrt(2), max(HALF_AXES), HEART_HALF * (math.sqrt(2) + HEART_CENTRE))
