"""Rendered sprites: one white shape on black, told by its shape, scale, orientation and place.

The factors are dSprites' (Matthey et al. 2017), in any sizes and resolution, drawn on demand from signed distances with
an edge one pixel wide. Orientation leaves out the full turn, which dSprites holds beside 0.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pyvae.data.data_set import Draw, Factor, check_count
from pyvae.ops import reparameterize

SHAPES = ("square", "ellipse", "heart")
RADIUS = 0.17  # of a sprite of scale 1, in image widths: half a side of the square
SMALLEST = 0.5  # scale
MARGIN = 0.26  # from an edge to the outermost centres: no sprite leaves the image, whatever its orientation


@dataclass(frozen=True)
class Sprites:
    """side x side images in [0, 1], flat, row-major; factors are numbers of values, from 0.

    `sizes` says how many values shape, scale, orientation, x and y take; shapes come in the order of SHAPES. Raises
    ValueError for sizes below 1, more shapes than there are, and a side below 8.
    """

    sizes: tuple[int, int, int, int, int] = (3, 6, 40, 32, 32)
    side: int = 64

    def __post_init__(self) -> None:
        if len(self.sizes) != 5 or min(self.sizes) < 1:
            raise ValueError(f"sizes must be five numbers of at least 1, got {self.sizes}")
        if self.sizes[0] > len(SHAPES):
            raise ValueError(f"sizes must start with at most {len(SHAPES)} shapes, got {self.sizes[0]}")
        if self.side < 8:
            raise ValueError(f"side must be at least 8, got {self.side}")

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Shape, scale, orientation, x and y."""
        shape, *others = map(Factor, ("shape", "scale", "orientation", "x", "y"), self.sizes)
        return (shape._replace(nominal=True), *others)

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels down and across."""
        return (self.side, self.side)

    @property
    def size(self) -> int:
        """Pixels of an image."""
        return self.side**2

    @property
    def count(self) -> int:
        """Combinations of factors."""
        return math.prod(self.sizes)

    @property
    def streams(self) -> tuple[str, ...]:
        """The factors alone: images have no noise."""
        return ("factors",)

    def images(self, factors: Tensor) -> Tensor:
        """The share of every pixel that the sprite covers, [..., size] float32, of whole factors [..., 5].

        Raises ValueError for another number of factors or values out of range.
        """
        if factors.shape[-1:] != (5,):
            raise ValueError(f"factors must have shape [..., 5], got {list(factors.shape)}")
        if factors.numel() and bool(
            ((factors < 0) | (factors >= torch.tensor(self.sizes, device=factors.device))).any()
        ):
            raise ValueError(f"factors must lie between 0 and sizes - 1 for sizes {self.sizes}, got others")
        return self._images(factors)

    def _images(self, factors: Tensor) -> Tensor:
        """`images` of factors known to be in range; asking would make a GPU wait at each draw."""
        kind, scale, turn, x, y = (part.unsqueeze(-1) for part in factors.float().unbind(-1))
        _, scales, turns, xs, ys = self.sizes
        radius = RADIUS * (SMALLEST + (1 - SMALLEST) * _share(scale, scales))
        across, down = self._pixels(factors.device)
        across = across - (MARGIN + (1 - 2 * MARGIN) * _share(x, xs))
        down = down - (MARGIN + (1 - 2 * MARGIN) * _share(y, ys))
        angle = 2 * math.pi * turn / turns
        u = (across * angle.cos() + down * angle.sin()) / radius
        v = (down * angle.cos() - across * angle.sin()) / radius
        distance = torch.where(kind == 0, _square(u, v), torch.where(kind == 1, _ellipse(u, v), _heart(u, v)))
        return (0.5 - distance * radius * self.side).clamp(0.0, 1.0)

    def draw(self, count: int, seeds: Mapping[str, Tensor], bias: Mapping[str, Tensor] | None = None) -> Draw:
        """`count` random sprites for each of K models, factors uniform and independent but for `bias`.

        bias holds for some factors by name the weights of their values, [size] or a row for each model [K, size]; they
        need not add up to 1. Raises ValueError for an unknown factor, and weights of another shape, below 0 or without
        a positive sum.
        """
        check_count(count)
        models, device = seeds["factors"].shape, seeds["factors"].device
        normal = reparameterize(*torch.zeros(2, *models, count, 5, device=device).unbind(), seed=seeds["factors"])
        uniform = torch.special.ndtr(normal)
        weights = self._weights(bias or {}, *models)
        values = [_inverse(cumulative.to(device), uniform[..., f]) for f, cumulative in enumerate(weights)]
        factors = torch.stack(values, -1)
        return Draw(factors, self._images(factors))

    def test_factors(self) -> Tensor:
        """Every combination of factors, the last fastest."""
        return self.labels()

    def labels(self) -> Tensor:
        """The same: factors are numbers of values."""
        return torch.cartesian_prod(*map(torch.arange, self.sizes))

    def test_images(self, rows: Tensor) -> Tensor:
        """Images [..., size] of rows [...] of `test_factors`, without noise."""
        return self.images(self.test_factors().to(rows.device)[rows])

    def _pixels(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Centres of all pixels, in image widths: across and down, [size] each."""
        centres = (torch.arange(self.side, device=device) + 0.5) / self.side
        return centres.repeat(self.side), centres.repeat_interleave(self.side)

    def _weights(self, bias: Mapping[str, Tensor], models: int) -> list[Tensor]:
        """Cumulative shares [models, size] of every factor's values."""
        unknown = set(bias) - {factor.name for factor in self.factors}
        if unknown:
            names = ", ".join(factor.name for factor in self.factors)
            raise ValueError(f"bias must name factors among {names}, got {min(unknown)!r}")
        out = []
        for name, size, _ in self.factors:
            given = bias.get(name)
            weights = torch.as_tensor(torch.ones(size or 1) if given is None else given, dtype=torch.float64).cpu()
            fitting = weights.shape in ((size,), (models, size))
            if given is not None and not (fitting and bool((weights >= 0).all() & (weights.sum(-1) > 0).all())):
                raise ValueError(
                    f"bias must hold {size} weights of at least 0 with a positive sum for {name}, got {weights}"
                )
            shares = (weights / weights.sum(-1, keepdim=True)).cumsum(-1)
            out.append(shares.expand(models, -1).contiguous().float())
        return out


def _share(value: Tensor, size: int) -> Tensor:
    """Where a value stands between the first, 0, and the last, 1; the middle where there is one only."""
    return value / (size - 1) if size > 1 else torch.full_like(value, 0.5)


def _inverse(cumulative: Tensor, uniform: Tensor) -> Tensor:
    """Values [K, count] whose cumulative shares [K, size] first exceed uniform numbers; those of share 0 never."""
    value = torch.searchsorted(cumulative, uniform.contiguous(), right=True)
    last = (cumulative < cumulative[..., -1:]).sum(-1, keepdim=True)  # the last value with a share
    return torch.minimum(value, last)


# How far above the square's centre the heart's centre of mass lies, in half sides: the half circles' share of the area
# times the height of theirs.
HEART_CENTRE = (math.pi / (4 + math.pi)) * (1 + 4 / (3 * math.pi)) * math.sqrt(0.5)

# Signed distances from the edge, below 0 inside, of shapes about as large as the square with half a side of 1.


def _square(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(u.abs(), v.abs()) - 1


def _ellipse(u: Tensor, v: Tensor) -> Tensor:
    """Half axes 0.8 and 1.3: the implicit form over the length of its gradient."""
    a, b = 0.8, 1.3
    level = torch.hypot(u / a, v / b)
    slope = torch.hypot(u / a**2, v / b**2) / level.clamp_min(1e-6)
    return (level - 1) / slope.clamp_min(1e-6)


def _heart(u: Tensor, v: Tensor) -> Tensor:
    """A square on its corner, and a half circle on each of its upper sides; the origin is its centre of mass."""
    half = 0.8
    v = v - half * HEART_CENTRE
    p, q = (u + v) * math.sqrt(0.5), (v - u) * math.sqrt(0.5)  # along the sides; v grows downwards
    square = torch.maximum(p.abs(), q.abs()) - half
    left = torch.hypot(p + half, q) - half
    right = torch.hypot(p, q + half) - half
    return torch.minimum(square, torch.minimum(left, right))
