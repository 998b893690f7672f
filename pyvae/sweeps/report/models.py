"""The table of all models of a sweep."""

from collections.abc import Mapping, Sequence

import numpy as np

from pyvae.report.page import paragraph
from pyvae.report.sortable import Row, Value, sortable_table
from pyvae.sweeps.names import RESULTS
from pyvae.sweeps.report.measures import Goal
from pyvae.sweeps.report.sweep import Sweep

COLUMNS = 30
"""Of numbers at most, those that tell most first."""


def all_models(sweep: Sweep, goal: Goal | None, first: Sequence[str], rows: int, panes: Mapping[int, str]) -> str:
    """A row for each model, and for each cell that failed; `panes` are of rows with pictures, `first` the measures that
    stand first.
    """
    measures = list(dict.fromkeys([*first, *sweep.measures]))
    shown = measures[:COLUMNS]
    numbers = {name: sweep.values(name).tolist() for name in shown}
    axes = [*sweep.axes, *([sweep.seeds] if sweep.seeds is not None else [])]

    def made(row: int) -> Row:
        on = [axis.values[axis.places[row]] if axis.places[row] >= 0 else None for axis in axes]
        measured: list[Value] = [_known(numbers[name][row]) for name in shown]
        return Row([sweep.cell(row), sweep.status[row], *on, *measured], panes.get(row))

    chosen = _chosen(sweep, goal, rows)
    head = ["cell", "status", *(axis.name for axis in axes), *shown]
    table = sortable_table(head, [made(row) for row in chosen], "All models")
    return paragraph(_told(sweep, goal, len(chosen), len(measures) - len(shown)), "note") + table


def _chosen(sweep: Sweep, goal: Goal | None, rows: int) -> list[int]:
    """All rows in the sweep's order, or of more than fit the best ones."""
    if len(sweep.table) <= rows:
        return list(range(len(sweep.table)))
    if goal is None:
        return list(range(rows))
    values = sweep.values(goal.column)
    order: list[int] = np.argsort(-values if goal.largest else values, kind="stable")[:rows].tolist()  # NaNs come last
    return order


def _told(sweep: Sweep, goal: Goal | None, shown: int, columns: int) -> str:
    """What of the results is in the table."""
    all_of = len(sweep.table)
    number = "The only row" if all_of == 1 else f"All {all_of} rows"
    rows = f"{number} of {RESULTS}: one for each model, and for each cell that failed."
    if shown < all_of:
        which = "the first" if goal is None else f"the best {shown} by {goal.column}"
        rows = f"{which[0].upper()}{which[1:]} of {all_of} rows of {RESULTS}, which has the others."
    more = f" It has {columns} more columns of numbers." if columns else ""
    return (
        f"{rows}{more} A click on a head, or Enter, sorts; numbers have six digits. A cell with a link has pictures, "
        "or its log."
    )


def _known(value: float) -> float | None:
    return None if value != value else value
