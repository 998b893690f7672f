"""Covariances of codes over rows drawn anew, and the interval of what is computed from them."""

import numpy as np

from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.resampling import REPLICATES, interval, resampled

# Rows are averaged in this many groups first: as many numbers are drawn for a million rows as for a thousand.
GROUPS = 1000


def covariances(values: Array, seed: int, replicates: int = REPLICATES) -> Array:
    """Covariances [replicates, D, D] of drawn rows of values [N, D]; groups of rows are drawn where N is large."""
    count, latents = values.shape
    groups = min(GROUPS, count)
    rows = np.random.default_rng(seed).permutation(count)[: count - count % groups]
    grouped = values[rows].reshape(groups, len(rows) // groups, latents)
    squares = grouped.mT @ grouped / grouped.shape[1]
    drawn = resampled(
        np.concatenate([squares.reshape(groups, latents * latents), grouped.mean(1)], 1), seed, replicates
    )
    mean = drawn[:, latents * latents :]
    return drawn[:, : latents * latents].reshape(replicates, latents, latents) - mean[:, :, None] * mean[:, None, :]


def unbiased_interval(
    value: float, replicates: Array, floor: float, ceiling: float, *, rows: int
) -> tuple[float, float]:
    """A 95 % interval of a score that chance correlations raise, moved down by what they raise the replicates by.

    Replicates deviate from the value as the value does from the truth, its bias included. A replicate that is not
    finite, as of too few rows, leaves the whole range.
    """
    if not np.isfinite(replicates).all():
        return floor, ceiling
    bias = float(replicates.mean()) - value
    low, high = interval(max(floor, value - bias), replicates, floor, ceiling, rows=rows)
    return min(low, value), max(high, value)
