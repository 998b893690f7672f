"""Reconstruction against what it is traded for: which configurations no other one beats in both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyvae.report.chart import Chart, Dot, Line, Point, Scale
from pyvae.report.page import gallery, paragraph
from pyvae.report.sortable import Row, Worded, sortable_table
from pyvae.report.statistics import Interval
from pyvae.sweeps.report.measures import Format, Goal
from pyvae.sweeps.report.sweep import Array, Sweep

Forms = tuple[Format, Format]
POINTS = 2000
"""Of configurations off the front that the chart shows."""


def trade_off(sweep: Sweep, x: str, y: Goal, panes: Mapping[int, str]) -> str:
    """The chart, the front as a table, and what they are; `panes` are those of configurations."""
    across, up = sweep.means(x), sweep.means(y.column)
    both = np.flatnonzero(np.isfinite(across) & np.isfinite(up))
    if not len(both):
        return paragraph(f"No configuration has both {x} and {y.column}.")
    first = both[front(-across[both], up[both] if y.largest else -up[both])].tolist()
    others = [k for k in both.tolist() if k not in set(first)]
    shown = others if len(others) <= POINTS else [others[k * len(others) // POINTS] for k in range(POINTS)]
    of = {k: _Place.of(sweep, (x, y.column), k) for k in (*shown, *first)}
    forms = Format.of(sweep.values(x)), Format.of(sweep.values(y.column))
    chart = Chart(
        f"{y.column} against {x}; the table has the front's values",
        Scale.of(x, across[both]),
        Scale.of(y.column, up[both]),
        [Line([of[k].at for k in first], "front")],
        [*(of[k].dot(forms, "") for k in shown), *(of[k].dot(forms, "front") for k in first)],
    )
    left = f" Of the others {POINTS} are drawn." if len(shown) < len(others) else ""
    rows = [Row([of[k].name, *of[k].worded(forms), of[k].cell], panes.get(k)) for k in first]
    return gallery([chart.html(_caption(sweep, x, y, both.tolist(), len(first)) + left)]) + sortable_table(
        ["beaten by no other", x, y.column, "first cell"], rows, f"The front of {x} and {y.column}"
    )


def front(x: Array, y: Array) -> NDArray[np.int64]:
    """The places of points [N] that no other point beats: none is as large in both and larger in one. By x, falling;
    points that are the same are all there.
    """
    order = np.lexsort((-y, -x))
    found: list[int] = []
    for k in order.tolist():
        if not found or y[k] > y[found[-1]] or (x[k], y[k]) == (x[found[-1]], y[found[-1]]):
            found.append(k)
    return np.array(found, dtype=np.int64)


def _caption(sweep: Sweep, x: str, y: Goal, both: Sequence[int], first: int) -> str:
    seeds = sweep.over_seeds([sweep.members[k] for k in both])
    of = "a mean over" if seeds != "one seed" else "of"
    bars = "" if seeds == "one seed" else " Bars are 95 % t intervals over seeds, of each number alone."
    beaten = "is beaten by no other" if first == 1 else "are beaten by no other"
    y_words = "the larger the better" if y.largest else "the smaller the better"
    return (
        f"{len(both)} configurations, each point {of} {seeds}. Of {x} the smaller is better, of {y.column} {y_words}: "
        f"{first} {beaten} in both, and {'is' if first == 1 else 'are'} joined and coloured.{bars} The pointer on a "
        "point says which it is."
    )


@dataclass(frozen=True)
class _Place:
    """Where a configuration is in the chart."""

    name: str
    cell: str
    columns: tuple[str, str]
    numbers: tuple[Interval, Interval]

    @classmethod
    def of(cls, sweep: Sweep, columns: tuple[str, str], configuration: int) -> "_Place":
        across, up = (sweep.interval(column, configuration) for column in columns)
        cell = sweep.cell(int(sweep.members[configuration][0]))
        return cls(sweep.name(configuration), cell, columns, (across, up))

    @property
    def at(self) -> Point:
        return self.numbers[0].mean, self.numbers[1].mean

    def worded(self, forms: Forms) -> list[Worded]:
        """Both numbers in words."""
        pairs = zip(forms, self.numbers, strict=True)
        return [Worded(form.interval(interval), interval.mean) for form, interval in pairs]

    def dot(self, forms: Forms, kind: str) -> Dot:
        """Those of a kind have bars for their intervals."""
        told = ", ".join(f"{column} {text}" for column, (text, _) in zip(self.columns, self.worded(forms), strict=True))
        has = kind and any(interval.known for interval in self.numbers)
        across, up = map(_ends, self.numbers)
        return Dot(self.at, f"{self.name}: {told} (cell {self.cell})", kind, (across, up) if has else None)


def _ends(interval: Interval) -> Point:
    half = interval.half if interval.known else 0.0
    return interval.mean - half, interval.mean + half
