"""Signed distances in pixels from the edge of a shape with half a side of `radius` pixels, above 0 inside.

u grows to the right and v downwards from a shape's centre of mass, in pixels [N, P]; radius is [N, 1]. A function
leaves its distances in u, which it returns, and anything in v. It is made of operations that IEEE 754 rounds correctly,
so that a pixel has the same bits wherever it stands in u. NAMED has a function for each named shape, in the order of
SHAPES, and REACH how many radii from its centre each goes.
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


def square(u: Tensor, v: Tensor, radius: Tensor) -> Tensor:
    """Of the square: the smaller of both distances, which is too short beyond a corner."""
    return torch.sub(radius, torch.maximum(u.abs_(), v.abs_(), out=u), out=u)


def ellipse(u: Tensor, v: Tensor, radius: Tensor) -> Tensor:
    """Of the ellipse with half axes a and b, near its edge: the implicit form over the length of its gradient.

    With v stretched by a/b it is a circle: l = |(u, v a/b)| is `a` on its edge, and |grad l| = |(u, v (a/b)^2)| / l.
    """
    a, b = HALF_AXES
    u.square_().clamp_min_(1e-6)  # the centre has a gradient, too
    v.mul_(a / b).square_()
    level = (u + v).sqrt_()
    slope = v.mul_((a / b) ** 2).add_(u).sqrt_()
    return torch.sub(radius * a, level, out=u).mul_(level).div_(slope)


def heart(u: Tensor, v: Tensor, radius: Tensor) -> Tensor:
    """Of a square on its corner with a half circle on each of its upper sides, the larger of both distances."""
    half = radius * HEART_HALF
    middle = half * math.sqrt(0.5)  # of a side, to the right and above the square's centre
    u.abs_()
    v.sub_(half * HEART_CENTRE)
    circle = (u - middle).square_().add_((v + middle).square_()).sqrt_()
    corner = u.add_(v.abs_()).mul_(math.sqrt(0.5))
    return torch.sub(half, torch.minimum(circle, corner, out=u), out=u)


NAMED = (square, ellipse, heart)
REACH = (math.sqrt(2), max(HALF_AXES), HEART_HALF * (math.sqrt(2) + HEART_CENTRE))
