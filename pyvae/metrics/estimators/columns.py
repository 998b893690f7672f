"""Latents on one scale, whatever they were measured in: scores that compare latents start here."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# Relative to the largest value of a latent: less is rounding of float64, not variation.
ROUNDING = 1e-13

Array = npt.NDArray[np.float64]


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
    peak = np.abs(codes).max(0)
    unit = codes / np.where(peak > 0, peak, 1.0)
    unit -= unit.mean(0)
    std = np.sqrt(np.square(unit).mean(0))
    std[std <= ROUNDING] = 0.0
    unit /= np.where(std > 0, std, 1.0)
    unit[:, std == 0] = 0.0
    return Columns(unit, std * peak)


def spread(name: str, columns: Columns) -> npt.NDArray[np.bool_]:
    """Which latents vary, of at least two rows.

    Raises:
        ValueError: for a single row.
    """
    if len(columns.values) < 2:
        raise ValueError(f"{name} must hold at least 2 points, got 1.")
    return columns.varies
