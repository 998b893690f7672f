"""How training went in a few cells: the best, the middle one and the worst, every seed of theirs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pyvae.report.chart import Chart, Line, Point, Scale, key
from pyvae.report.page import gallery, paragraph
from pyvae.studies.folder import CURVES
from pyvae.sweeps.folder import SweepFolder
from pyvae.sweeps.names import RUN
from pyvae.sweeps.report.matching import fits
from pyvae.sweeps.report.measures import Goal
from pyvae.sweeps.report.sweep import Sweep
from pyvae.sweeps.table.columns import coordinates

BEST, MIDDLE, WORST = 3, 1, 2
"""Configurations whose curves are drawn."""
QUANTITIES = ("loss", "reconstruction", "kl", "total_correlation")
POINTS = 150
"""Of a curve at most."""
VALIDATION = "validation"

Curve = dict[str, list[Any]]


def curves(sweep: Sweep, goal: Goal) -> str:
    """A chart for each quantity that is known, a line for each seed."""
    shown = kinds(sweep.ranked(goal.column, largest=goal.largest))
    found = [drawn for k, kind in shown.items() for drawn in _read(sweep, k, kind)]
    if not found:
        return paragraph("No run of these cells has kept its curves.", "note")
    charts = [chart for name in QUANTITIES if (chart := _chart(name, found))]
    there = {drawn.configuration for drawn in found}
    entries = [(kind, f"{_place(kind)}{sweep.name(k)}") for k, kind in shown.items() if k in there]
    note = (
        f"{len(there)} configurations by {goal.column}, {len(found)} lines, one for each seed: the pointer names it. "
        "Losses of other objectives and strengths weigh terms differently, and cannot be compared."
    )
    return key(entries) + gallery(charts) + paragraph(note, "note")


def kinds(order: Sequence[int]) -> dict[int, str]:
    """Of a ranking those that are drawn, and what each is: "best", "middle" or "worst"."""
    found = dict.fromkeys(order[:BEST], "best")
    rest = list(order[BEST:])
    worst = rest[max(MIDDLE, len(rest) - WORST) :]
    between = rest[: len(rest) - len(worst)]
    found |= dict.fromkeys(between[len(between) // 2 :][:MIDDLE], "middle")
    return found | dict.fromkeys(worst, "worst")


def _place(kind: str) -> str:
    return {"best": "among the best: ", "middle": "in the middle: ", "worst": "among the last: "}[kind]


class _Drawn(NamedTuple):
    """A model's curve."""

    configuration: int
    kind: str
    name: str
    curve: Curve


def _read(sweep: Sweep, configuration: int, kind: str) -> list[_Drawn]:
    """The curves of a configuration's models, as far as they are kept."""
    found = []
    tables: dict[Path, pa.Table | None] = {}
    for place in sweep.members[configuration].tolist():
        row = sweep.row(place)
        path = SweepFolder(sweep.folder).shard(str(row["shard"])) / RUN / CURVES
        if path not in tables:
            tables[path] = _table(path)
        table = tables[path]
        if table is not None and (curve := _of_model(table, row)):
            found.append(_Drawn(configuration, kind, sweep.named(place, seed=True), curve))
    return found


def _table(path: Path) -> pa.Table | None:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException):
        return None


def _of_model(table: pa.Table, row: dict[str, Any]) -> Curve:
    if not {"step", "split"} <= {*table.column_names}:
        return {}
    which = table.select(coordinates(table))
    split = table["split"].to_pylist()
    mine = [k for k, named in enumerate(which.to_pylist()) if fits(row, named)]
    of_validation = [k for k in mine if split[k] == VALIDATION]
    chosen = of_validation if len(of_validation) > 1 else [k for k in mine if split[k] != VALIDATION] or mine
    return dict(table.take(pa.array(chosen, pa.int64())).to_pydict())


def _chart(name: str, found: Sequence[_Drawn]) -> str | None:
    lines = [Line(points, one.kind, one.name) for one in found if (points := _points(one.curve, name))]
    if not lines:
        return None
    x = Scale.of("step", [x for line in lines for x, _ in line.points], log=True)
    y = Scale.of(f"{name}, nats" if name != "loss" else name, [y for line in lines for _, y in line.points])
    caption = f"{name} while training, on validation images where these were looked at more than once."
    return Chart(caption, x, y, lines).html(caption)


def _points(curve: Curve, name: str) -> list[Point]:
    """Where a quantity was measured: at most POINTS, evenly apart in the logarithm of the step."""
    if name not in curve:
        return []
    known = [
        (float(step), float(value))
        for step, value in zip(curve["step"], curve[name], strict=True)
        if value is not None and step > 0
    ]
    if len(known) <= POINTS:
        return known
    steps = np.array([step for step, _ in known])
    wanted = np.geomspace(steps[0], steps[-1], POINTS)
    return [known[k] for k in np.unique(np.abs(steps[:, None] - wanted).argmin(0)).tolist()]
