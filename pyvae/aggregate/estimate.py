"""Means over independent samples, with how far off they may be."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Estimate(NamedTuple):
    """A quantity estimated from samples: `value` and the standard deviation of its error, float64 of one shape."""

    value: Tensor
    standard_error: Tensor


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
