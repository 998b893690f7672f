"""The results of a sweep: a row for each model of its finished cells, and one for each cell that failed.

They are made of the files of cells and shards at any time. results.parquet keeps them, and what has not changed since
is not read again. docs/sweep-results.md has the columns.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pyvae.files import exclusive_lock
from pyvae.report.answer import counted
from pyvae.sweeps.names import CELLS, FAILURE, RESULTS, RESULTS_LOCK, ROWS
from pyvae.sweeps.table.held import Held
from pyvae.sweeps.table.merging import (
    DIVERGED,
    FAILED,
    FINISHED,
    STATUS,
    Layout,
    assembled,
    check_cells,
    columns_of,
    joined,
    layouts_of,
)
from pyvae.sweeps.table.outcomes import (
    CELL,
    Stamp,
    Version,
    no_sweep,
    read,
    read_cells,
    read_shards,
    stamps,
    version_of,
)


class Counts(NamedTuple):
    """How many of a sweep's cells are in which state; they add up to all. A cell with a diverged model is diverged."""

    finished: int
    diverged: int
    failed: int
    open: int

    @property
    def told(self) -> str:
        """In words: "12 cells: 8 finished, 4 with a model that diverged"."""
        others = (self.diverged, "with a model that diverged"), (self.failed, "failed"), (self.open, "still open")
        states = [f"{self.finished} finished", *(f"{number} {state}" for number, state in others if number)]
        return f"{counted(sum(self), 'cell')}: {', '.join(states)}"


def load_results(folder: Path | str) -> pa.Table:
    """The results of a sweep as they are now, by its results.parquet: only shards that are new since are read.

    The file is brought up to date where that can be written, so that the next call has less to do.

    Returns:
        A row for each model of the finished cells, and one for each failed cell: `cell`, `shard`, `status` ("finished",
        "diverged" or "failed"), `reason` (null where finished), the axes, and the columns of the study's table; null
        where there is no value. Rows stand in the order of the sweep's cells, models of a cell in the study's.
        docs/sweep-results.md says more.

    Raises:
        SweepError: the folder holds no sweep, or a file of it is damaged.
    """
    folder, held = Path(folder), Held.read(Path(folder))
    current = _current(folder, held)
    if current is not held:
        with suppress(OSError):  # someone else's folder, lock or disk space: what was read is right all the same
            _keep(folder, current)
    return current.table


def write_results(folder: Path | str) -> Path:
    """Brings results.parquet up to date, and returns its path; one that is right is left as it is.

    Raises SweepError as `load_results` does, and OSError where it cannot be written.
    """
    folder = Path(folder)
    _seen(folder)  # before the lock makes a folder of what holds no sweep
    with exclusive_lock(folder / RESULTS_LOCK, waits=True):
        held = Held.read(folder)
        current = _current(folder, held)
        return folder / RESULTS if current is held else current.write(folder)


def counts(folder: Path | str, table: pa.Table | None = None) -> Counts:
    """How many cells are finished, diverged, failed and open; by `table` where `load_results` has given it already."""
    table = load_results(folder) if table is None else table
    finished, diverged, failed = (_cells_of(table, status) for status in (FINISHED, DIVERGED, FAILED))
    done = (len(finished - diverged), len(diverged), len(failed))
    return Counts(*done, read_cells(Path(folder)).num_rows - sum(done))


def axes_of(folder: Path | str) -> list[str]:
    """The sweep's axes, by their columns in the results."""
    return [name for name in read_cells(Path(folder)).column_names if name != CELL]


def _cells_of(table: pa.Table, status: str) -> set[str]:
    return {*table.filter(pc.field(STATUS) == status)[CELL].unique().to_pylist()}


def _keep(folder: Path, read: Held) -> None:
    """Writes what a reader has read, unless more is there by now, which may be written already.

    The lock is the coordinator's, so that a reader makes no file that another user's coordinator could not open; while
    somebody else has it, BlockingIOError is raised.
    """
    lock = folder / RESULTS_LOCK
    if not lock.exists():
        return
    with exclusive_lock(lock):
        seen = _seen(folder)
        if read.is_of(seen.cells, seen.stamps):
            read.write(folder)


class _Seen(NamedTuple):
    """What there is to make the results of."""

    shards: dict[str, list[str]]
    cells: Version
    stamps: dict[str, Stamp]


def _seen(folder: Path) -> _Seen:
    shards = read_shards(folder)  # before the cells, which are written first and have those of all shards
    try:
        return _Seen(shards, version_of(folder / CELLS), stamps(folder, shards))
    except (FileNotFoundError, NotADirectoryError):
        raise no_sweep(folder) from None


def _current(folder: Path, held: Held) -> Held:
    """What is held, where nothing has changed since; else what there is now."""
    shards, cells, seen = _seen(folder)
    if held.is_of(cells, seen):
        return held
    table, layouts, there = _made(folder, held, shards, seen)
    return Held(table, cells, there, layouts)


def _made(
    folder: Path, held: Held, shards: Mapping[str, Sequence[str]], seen: Mapping[str, Stamp]
) -> tuple[pa.Table, dict[str, Layout], dict[str, Stamp]]:
    """The results, with the columns of each finished shard and what the results are of: only what is new is read."""
    known = held.known(seen)
    finished = [shard for shard, stamp in known.items() if stamp.file == ROWS]
    fresh = read(folder, {shard: stamp for shard, stamp in seen.items() if shard not in known})
    layouts = {shard: held.layouts[shard] for shard in finished}
    layouts |= layouts_of(fresh.rows)
    reasons = held.reasons(shard for shard, stamp in known.items() if stamp.file == FAILURE) | fresh.reasons
    there = {shard: stamp for shard, stamp in seen.items() if shard in layouts or shard in reasons}
    columns = columns_of(layouts[shard] for shard in there if shard in layouts)
    rows = joined([*held.rows(finished), *fresh.rows.values()], columns)
    check_cells(rows, shards, layouts.keys())
    return assembled(read_cells(folder), shards, rows, reasons), layouts, there
