"""Intervals of scores that are no function of means, as those of quantiles: by leaving out groups of rows.

Ten computations serve, where a bootstrap would ask for hundreds.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pyvae.quantiles import t_quantile

GROUPS = 10
# Of more rows as many are drawn for the interval, whose error shrinks with the root of the rows.
MOST_ROWS = 20_000


def jackknife(
    score: Callable[[npt.NDArray[np.int64]], float],
    value: float,
    count: int,
    rng: np.random.Generator,
    floor: float,
    ceiling: float,
) -> tuple[float, float]:
    """A 95 % interval of `value`, the score of all `count` rows; the whole range for fewer rows than groups."""
    if count < GROUPS:
        return floor, ceiling
    rows = rng.permutation(count)[:MOST_ROWS]
    group = np.arange(len(rows)) % GROUPS
    left = np.array([score(np.sort(rows[group != g])) for g in range(GROUPS)])
    error = np.sqrt((GROUPS - 1) / GROUPS * np.square(left - left.mean()).sum() * len(rows) / count)
    reach = t_quantile(GROUPS - 1) * float(error)
    return max(floor, min(value, value - reach)), min(ceiling, max(value, value + reach))
