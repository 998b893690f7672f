"""What a log tells of each model of a sweep: its name, its settings, what was measured, and its curves."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.report.axes import Value
from pyvae.sweeps.report.matching import fits
from pyvae.sweeps.table.columns import coordinates, measures
from pyvae.sweeps.table.merging import FINISHED, FINITE, SHARD, STATUS
from pyvae.sweeps.table.outcomes import CELL

LONGEST_VALUE, LONGEST = 24, 80
"""Characters of a value in a name, and of all values together: a name is a folder's, and has to be read in a list."""
STEPS_TAKEN = "steps_taken"

Row = Mapping[str, Any]
Points = dict[int, dict[str, Value]]
"""For each step what was seen at it: {"train/loss": 3.2}."""


class Model(NamedTuple):
    """A row of a sweep's results, of a model or of a cell that failed."""

    name: str
    """Of no other model, and one that any disk takes."""
    settings: dict[str, Value]
    """What it has on the axes; beside these what tells it from other models of its cell."""
    measures: dict[str, Value]
    """All that was measured of it, null where there is no number."""
    row: Row

    @property
    def has_finished(self) -> bool:
        """Whether it has neither failed nor diverged."""
        return bool(self.row[STATUS] == FINISHED)

    @property
    def version(self) -> str:
        """Another one where anything of it is another; how it was packed is nothing of it."""
        told = {name: value for name, value in self.row.items() if value is not None and name != SHARD}
        text = json.dumps([self.name, self.settings, told], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def measured(table: pa.Table, fields: Iterable[str]) -> list[str]:
    """The columns of results that are measures, whether training stayed finite among them."""
    return [*measures(table, fields), *([FINITE] if FINITE in table.column_names else [])]


def models_of(table: pa.Table, fields: Sequence[str]) -> list[Model]:
    """The models of some rows of a sweep's results, whose axes are `fields`; a cell's rows must be all there."""
    cells: dict[str, list[Row]] = {}
    for row in table.to_pylist():
        cells.setdefault(row[CELL], []).append(row)
    columns, which = measured(table, fields), coordinates(table, fields)
    found = []
    for cell, rows in cells.items():
        apart = [name for name in which if len({row[name] for row in rows}) > 1]
        for number, row in enumerate(rows):
            settings = {name: row[name] for name in (*fields, *apart) if row[name] is not None}
            ending = cell if len(rows) == 1 else f"{cell}-{number}"
            found.append(Model(named(settings, ending), settings, {name: row[name] for name in columns}, row))
    return found


def named(settings: Mapping[str, Value], ending: str) -> str:
    """A name that says as many of the settings as can be read: "strengths=4,seeds=0-3a94ca64338c"."""
    told = [f"{name}={_word(value)}" for name, value in settings.items()]
    while len(",".join(told)) > LONGEST:
        told.pop()
    return "-".join(filter(None, (",".join(told), ending)))


def _word(value: Value) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return re.sub(r"[^\w.+-]+", "_", text, flags=re.ASCII)[:LONGEST_VALUE]


class Curves(NamedTuple):
    """How training went in a shard's run."""

    of: list[tuple[Row, Points]]
    """Which model, by the coordinates that the study has, and what was seen of it."""

    @classmethod
    def read(cls, path: Path) -> "Curves":
        """What a run has kept; nothing where there is no file. SweepError where it is damaged."""
        try:
            table = pq.read_table(path)
        except FileNotFoundError:
            return cls([])
        except (pa.ArrowException, OSError) as problem:
            if isinstance(problem, OSError) and problem.errno is not None:
                raise  # of the system, not of what the file holds
            raise SweepError(
                f"{path} is damaged, delete it, and the log goes without these curves: {' '.join(str(problem).split())}"
            ) from None
        found: dict[str, tuple[Row, Points]] = {}
        names = coordinates(table)
        for row in table.to_pylist():
            which = {name: row[name] for name in names}
            _, points = found.setdefault(repr(which), (which, {}))
            seen = {name: value for name, value in row.items() if isinstance(value, float) and name not in which}
            points.setdefault(row["step"], {}).update({f"{row['split']}/{name}": seen[name] for name in seen})
        return cls(list(found.values()))

    def points(self, row: Row) -> Points:
        """Of a row of the results, in the order of steps; nothing where it is not clear which they are."""
        mine = [points for which, points in self.of if fits(row, which)]
        return dict(sorted(mine[0].items())) if len(mine) == 1 else {}


def last_step(model: Model, points: Points) -> int:
    """At which step a model was measured: where its training ended."""
    taken = model.row.get(STEPS_TAKEN)
    return int(taken) if taken is not None else max(points, default=0)
