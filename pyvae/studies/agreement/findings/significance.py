"""What is told from chance where many questions are asked at once: p values of Student's t and of the sign test, and
Holm's way with a family.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
"""How often, at most, anything in a family is called clear that is not."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


def two_sided(t: float, degrees: float) -> float:
    """The probability that Student's T of at least one degree of freedom is as far from 0 as t.

    With T = sqrt(v) tan(angle) the density of the angle goes as cos^(v - 1), and its integral over (0, pi / 2) is
    B(1/2, v/2) / 2; the tail is integrated by Gauss and Legendre.
    """
    if math.isinf(t):
        return 0.0
    start = math.atan(abs(t) / math.sqrt(degrees))
    half = (math.pi / 2 - start) / 2
    tail = half * float((_WEIGHTS * np.cos(start + half * (1 + _NODES)) ** (degrees - 1)).sum())
    whole = math.exp(math.lgamma(0.5) + math.lgamma(degrees / 2) - math.lgamma((degrees + 1) / 2)) / 2
    return min(1.0, tail / whole)


def sign_test(below: int, above: int) -> float:
    """The two-sided p value of so many changes below and above 0, where either way were equally likely; ties are left
    out by the caller (Dixon and Mood 1946).
    """
    count = below + above
    tail = sum(math.comb(count, k) for k in range(min(below, above) + 1))
    return min(1.0, tail / 2 ** (count - 1)) if count else 1.0


def holm(p: Sequence[float]) -> NDArray[np.bool_]:
    """Which of K null hypotheses [K] fall, by their p values and Holm (1979).

    The chance that any true one falls is `LEVEL` at most, however they depend on each other: the smallest p value is
    held against LEVEL / K, the next against LEVEL / (K - 1), and so on to the first that stands.
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    falls = np.zeros(len(values), dtype=bool)
    falls[order] = np.logical_and.accumulate(values[order] <= LEVEL / np.arange(len(values), 0, -1))
    return falls
