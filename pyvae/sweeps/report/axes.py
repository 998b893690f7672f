"""What the cells of a sweep differ in: the values of each axis, in order, and where on it each row of the table is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pyvae.sweeps.table.columns import coordinates
from pyvae.sweeps.table.merging import FAILED, STATUS

Places = NDArray[np.int64]
Value = float | int | str | bool | None

BINS = 8
"""Groups of neighbouring values that stand for an axis with many."""
MANY = 12
"""Values from which on an axis of numbers is shown in groups."""
MOST = 40
"""Texts that a map has rows for."""


@dataclass(frozen=True, eq=False)
class Axis:
    """What cells differ in."""

    name: str
    values: tuple[Value, ...]
    """Different ones: numbers ascending, texts in the order in which they come, none last."""
    places: Places
    """Of each row of the table in `values`; -1 where nothing says which, as of a failed cell of several models."""
    bins: tuple[str, ...] = ()
    """What groups of neighbouring values are called, where `values` are these groups."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_numeric(self) -> bool:
        return all(_is_number(value) for value in self.values if value is not None)

    @property
    def names(self) -> list[str]:
        """Of each value, in words."""
        return list(self.bins) or [shown(value) for value in self.values]

    def grouped(self) -> "Axis":
        """The axis in a few groups of neighbouring values, about as many values in each, where it has many numbers."""
        if len(self) <= MANY or not self.is_numeric:
            return self
        known = [value for value in self.values if value is not None]
        parts = [part.tolist() for part in np.array_split(np.arange(len(known)), BINS)]
        group = np.full(len(self) + 1, -1)  # the last one for places of -1
        for number, part in enumerate(parts):
            group[part] = number
        names = [f"{shown(known[part[0]])} to {shown(known[part[-1]])}" for part in parts]
        if None in self.values:
            group[len(known)] = len(names)
            names.append(shown(None))
        return replace(self, values=tuple(range(len(names))), places=group[self.places], bins=tuple(names))


def axes_of(table: pa.Table, fields: Sequence[str], stacked: Mapping[str, str]) -> list[Axis]:
    """Every axis that the rows of a table of results differ in, seeds included: the sweep's own, which are `fields`,
    then coordinates of models within a cell.

    One that only repeats another is left out, and a field for which the study has a column, by `stacked`, is called so.
    """
    failed = [status == FAILED for status in table[STATUS].to_pylist()]
    which = coordinates(table, fields)
    columns = {name: table[name].to_pylist() for name in (*fields, *which)}
    own = {name: _axis(name, columns[name]) for name in fields}
    found = [
        replace(axis, name=stacked[name]) if _repeats(columns.get(stacked.get(name, "")), axis, failed) else axis
        for name, axis in own.items()
    ]
    for name in which:
        if not any(_repeats(columns[name], axis, map(_is_none, columns[name])) for axis in own.values()):
            found.append(_axis(name, columns[name], failed))
    return [axis for axis in found if len(axis) > 1]


def shown(value: Value) -> str:
    """A value in words."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.6g}".replace("-", "−")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _axis(name: str, column: Sequence[Value], failed: Sequence[bool] | None = None) -> Axis:
    """Of a column; where a cell failed of which there is no value, there is no place."""
    lost = [False] * len(column) if failed is None else [v is None and f for v, f in zip(column, failed, strict=True)]
    values = _ordered(value for value, is_lost in zip(column, lost, strict=True) if not is_lost)
    place = {value: k for k, value in enumerate(values)}
    places = [-1 if is_lost else place[value] for value, is_lost in zip(column, lost, strict=True)]
    return Axis(name, tuple(values), np.array(places, dtype=np.int64))


def _ordered(values: Iterable[Value]) -> list[Value]:
    different = list(dict.fromkeys(values))
    known = [value for value in different if value is not None]
    if all(map(_is_number, known)):
        known.sort(key=float)
    return [*known, *([None] if None in different else [])]


def _repeats(column: Sequence[Value] | None, axis: Axis, excused: Iterable[bool]) -> bool:
    """Whether a column says what an axis does in all rows but those that may have no value."""
    if column is None:
        return False
    rows = zip(column, axis.places.tolist(), excused, strict=True)
    return all(value == axis.values[place] or (value is None and may) for value, place, may in rows)


def _is_none(value: Value) -> bool:
    return value is None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
