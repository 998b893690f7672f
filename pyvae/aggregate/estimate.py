"""Means over independent samples, with how far off they may be."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyvae.ops.registration import exportable


@exportable
class Estimate(NamedTuple):
    """A quantity estimated from samples: `value` and the standard deviation of its error, float64 of one shape.

    float() gives the value of a single one, and print 2.90 ± 0.03 (one standard error).
    """

    value: Tensor
    standard_error: Tensor

    def __float__(self) -> float:
        if self.value.numel() != 1:
            raise TypeError(f"value must be a single number for float(), got the shape {list(self.value.shape)}.")
        return float(self.value.item())

    def __str__(self) -> str:
        return f"{_with_errors(self.value.tolist(), self.standard_error.tolist())} (one standard error)"


def _with_errors(value: Any, error: Any) -> str:
    """Numbers with their errors, in lists as they come."""
    if isinstance(value, list):
        return f"[{', '.join(map(_with_errors, value, error))}]"
    if not (math.isfinite(value) and math.isfinite(error) and error > 0):
        return f"{value:.6g} ± {error:.1g}"
    decimals = max(0, -math.floor(math.log10(float(f"{error:.0e}"))))  # of the error's first digit, as it is rounded
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def mean_of(terms: Tensor) -> Estimate:
    """The mean over S independent samples and s / sqrt(S): terms [S, ...] -> [...], in float64."""
    deviation, mean = torch.std_mean(terms.double(), 0)
    return Estimate(mean, deviation / math.sqrt(len(terms)))


def minus_mean_of(terms: Tensor) -> Estimate:
    """`mean_of(-terms)`."""
    mean, standard_error = mean_of(terms)
    return Estimate(-mean, standard_error)


def mean_of_strata(strata: list[Estimate], shares: list[float]) -> Estimate:
    """sum_v p_v m_v of means drawn apart, with the error sqrt(sum_v p_v^2 e_v^2) (Cochran 1977, chapter 5)."""
    pairs = list(zip(shares, strata, strict=True))
    value = sum(share * stratum.value for share, stratum in pairs)
    variance = sum((share * stratum.standard_error) ** 2 for share, stratum in pairs)
    assert isinstance(value, Tensor) and isinstance(variance, Tensor)
    return Estimate(value, variance.sqrt())
