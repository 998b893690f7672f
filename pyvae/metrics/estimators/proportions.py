"""Intervals of a share of independent trials."""

import math

from pyvae.quantiles import NORMAL_975


def wilson(share: float, trials: float) -> tuple[float, float]:
    """A 95 % interval of the probability behind `share` of `trials` (Wilson 1927), within [0, 1] and never empty."""
    square = NORMAL_975**2 / trials
    centre = (share + square / 2) / (1 + square)
    reach = math.sqrt(share * (1 - share) * square + square * square / 4) / (1 + square)
    return max(0.0, min(share, centre - reach)), min(1.0, max(share, centre + reach))
