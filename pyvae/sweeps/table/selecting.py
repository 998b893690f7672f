"""Which rows and columns of a sweep's results are asked for, and in which order."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import pyarrow as pa
import pyarrow.compute as pc

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.spelling import nearest
from pyvae.sweeps.table.columns import coordinates, measures, most_telling
from pyvae.sweeps.table.merging import FAILED, FINISHED, REASON, STATUS
from pyvae.sweeps.table.outcomes import CELL
from pyvae.sweeps.table.where import condition

SHOWN, LEAST = 6, 3
"""Columns of numbers that are shown where none are asked for: at most, and, where a table has so many, at least."""


def met(table: pa.Table, where: str | None) -> pa.Table:
    """The rows that meet a condition, as `pyvae.sweeps.table.where.condition` has it."""
    return table if where is None else table.filter(condition(where, table.schema))


def named(asked: Iterable[str], names: Sequence[str], argument: str) -> list[str]:
    """Columns by their names, or by patterns such as `dci_*`, each once; SweepError for what names none."""
    found: dict[str, None] = {}
    for pattern in asked:
        matching = [pattern] if pattern in names else [name for name in names if fnmatchcase(name, pattern)]
        if not matching:
            raise SweepError(f"{argument} names {pattern!r}, which is no column: {nearest(pattern, names)}")
        found |= dict.fromkeys(matching)
    return [*found]


def ordered(table: pa.Table, names: Sequence[str], *, ascending: bool = False) -> pa.Table:
    """Rows by columns, the largest numbers first, or the smallest with `ascending`; texts from A to Z in any case.

    Rows without a value are last, equal ones stay in their order.
    """
    keys = []
    for name in names:
        kind = table.schema.field(name).type
        if pa.types.is_nested(kind):
            raise SweepError(f"sort must name columns of numbers or texts, got {name}, which is of type {kind}")
        keys.append((name, "ascending" if ascending or pa.types.is_string(kind) else "descending"))
    return table.take(pc.sort_indices(table, sort_keys=keys)) if keys else table


def telling(table: pa.Table, axes: Sequence[str], first: Sequence[str] = ()) -> list[str]:
    """The columns to show where none are asked for: the axes, what tells models of a cell apart, the status and the
    reason where they say something, and a few numbers, those of `first` before others.
    """
    numbers = [name for name in measures(table, axes) if table[name].null_count < len(table)]
    found = dict.fromkeys(name for name in first if name in table.column_names)
    found |= dict.fromkeys(most_telling(numbers))
    for name in reversed(numbers):  # the last ones of a table are scores, the first ones facts of training
        if len(found) < LEAST:
            found[name] = None
    states = {*table[STATUS].unique().to_pylist()}
    which = [*axes, *_within_cells(table, axes), *([STATUS] if states - {FINISHED} else [])]
    chosen = [*which, *[name for name in found if name not in which][:SHOWN]]
    return [*dict.fromkeys([*chosen, *([REASON] if FAILED in states else [])])]


def _within_cells(table: pa.Table, axes: Sequence[str]) -> list[str]:
    """Coordinates in which models of one cell differ."""
    names = coordinates(table, axes)
    numbers = table.group_by(CELL).aggregate([(name, "count_distinct") for name in names])
    return [name for name in names if len(numbers) and pc.max(numbers[f"{name}_count_distinct"]).as_py() > 1]
