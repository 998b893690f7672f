"""Results of models that differ in the seed only, as one row: means with their t intervals."""

import math
from collections.abc import Hashable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pyvae.report.statistics import t_interval
from pyvae.sweeps.table.columns import SEEDS, coordinates
from pyvae.sweeps.table.merging import DIVERGED, FAILED, FINISHED, STATUS

MODELS = "models"
COUNTS = (MODELS, DIVERGED, FAILED)
"""How many rows of each status a mean stands for; of those that diverged or failed it has nothing."""
HALF = "_half"
"""Ends the name of a column with what an interval reaches to each side of the mean."""

Groups = list[list[int]]


def over_seeds(table: pa.Table, axes: Sequence[str], measures: Sequence[str]) -> pa.Table:
    """A row for all models that differ in the seed only, in the order of the first of each.

    Args:
        table: results, as `load_results` gives them, or some of their rows.
        axes: the sweep's axes.
        measures: columns of numbers.

    Returns:
        The axes and the study's coordinates but for the seed; how many models are finished (`models`), `diverged` and
        `failed`; then for each measure its mean over the finished models that have a value, and by the name with
        `_half` half of the mean's 95 % t interval, null with fewer than two values, and where all are the same.
    """
    keys = [name for name in axes if name not in SEEDS]
    own = [name for name in coordinates(table, axes) if name not in SEEDS]
    status = table[STATUS].to_pylist()
    groups = _groups(_rows(table, keys), _rows(table, own), [state == FAILED for state in status])
    best_known = [next((row for row in rows if status[row] != FAILED), rows[0]) for rows in groups]
    columns = {name: table[name].take(pa.array(best_known, pa.int64())) for name in (*keys, *own)}
    for name, state in zip(COUNTS, (FINISHED, DIVERGED, FAILED), strict=True):
        columns[name] = pa.array([sum(status[row] == state for row in rows) for rows in groups], pa.int64())
    finished = np.array([state == FINISHED for state in status], dtype=bool)
    for name in measures:
        values = np.where(finished, table[name].cast(pa.float64(), safe=False).to_numpy(), np.nan)
        found = [t_interval(values[rows]) for rows in groups]
        columns[name] = _known([one.mean for one in found])
        columns[name + HALF] = _known([one.half for one in found])
    return pa.table(columns)


def _groups(keys: Sequence[Hashable], coordinates: Sequence[Hashable], failed: Sequence[bool]) -> Groups:
    """The rows of equal keys and coordinates. A failed cell has no coordinates: it is one of the models that share its
    keys, where these have one place only.
    """
    places: dict[Hashable, dict[Hashable, None]] = {}
    for key, place, is_failed in zip(keys, coordinates, failed, strict=True):
        if not is_failed:
            places.setdefault(key, {})[place] = None
    groups: dict[Hashable, list[int]] = {}
    for row, (key, place, is_failed) in enumerate(zip(keys, coordinates, failed, strict=True)):
        known = [*places.get(key, ())]
        groups.setdefault((key, known[0] if is_failed and len(known) == 1 else place), []).append(row)
    return [*groups.values()]


def _rows(table: pa.Table, names: Sequence[str]) -> list[tuple[Hashable, ...]]:
    """What each row has in some columns."""
    if not names:
        return [()] * len(table)
    return [*zip(*(table[name].to_pylist() for name in names), strict=True)]


def _known(values: Sequence[float]) -> pa.Array:
    numbers: NDArray[np.float64] = np.array(values, dtype=np.float64)
    return pa.array(numbers, mask=np.array([math.isnan(value) for value in values], dtype=bool))
