"""Latents on one scale, whatever they were measured in: scores that compare latents start here."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# Relative to the largest value of a latent: less is rounding of float64, not variation.
ROUNDING = 1e-13

# Standard deviations of the rows that are learnt from: a held-out value beyond is taken to be there, since the square
# of what a probe makes of it need not be finite.
FARTHEST = 1e6

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


class Columns(NamedTuple):
    """`values` [N, D] with mean 0 and standard deviation 1, or 0 where `std` [D] is 0, of a latent that is constant."""

    values: Array
    std: Array

    @property
    def varies(self) -> npt.NDArray[np.bool_]:
        """Which latents are not constant, [D]."""
        return self.std > 0


def standardised(codes: Array) -> Columns:
    """Codes [N, D], finite, on one scale; no square overflows or vanishes, since each latent is divided by its peak."""
    values, scale = _scaled(codes)
    return Columns(values, scale.std * scale.peak)


def alike(train: Array, test: Array) -> tuple[Array, Array]:
    """Two parts of codes on the scale of the first: mean 0 and standard deviation 1 there, or 0 of constant latents."""
    values, scale = _scaled(train)
    with np.errstate(over="ignore"):
        far = (test / _divisor(scale.peak) - scale.mean) / _divisor(scale.std)
    return values, np.where(scale.std > 0, np.clip(far, -FARTHEST, FARTHEST), 0.0)


class _Scale(NamedTuple):
    """Of latents: the `peak` [D] of their absolute values and, in units of it, their `mean` [D] and standard deviation
    `std` [D], 0 of those that are constant.
    """

    peak: Array
    mean: Array
    std: Array


def _scaled(codes: Array) -> tuple[Array, _Scale]:
    peak = np.abs(codes).max(0)
    unit = codes / _divisor(peak)
    mean = unit.mean(0)
    unit -= mean
    std = np.sqrt(np.square(unit).mean(0))
    std[std <= ROUNDING] = 0.0
    unit /= _divisor(std)
    unit[:, std == 0] = 0.0
    return unit, _Scale(peak, mean, std)


def _divisor(scale: Array) -> Array:
    """1 in place of 0."""
    return np.where(scale > 0, scale, 1.0)


def spread(name: str, columns: Columns) -> npt.NDArray[np.bool_]:
    """Which latents vary, of at least two rows.

    Raises:
        ValueError: for a single row.
    """
    if len(columns.values) < 2:
        raise ValueError(f"{name} must hold at least 2 points, got 1.")
    return columns.varies
