"""What a worker does: one shard from its order to its rows, in whatever process it is asked to.

It may be killed at any time and asked again: what is trained and measured is kept by the run itself, and the rows come
last, in one step.
"""

import json
import os
import threading
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console

from pyvae.errors import Interrupted
from pyvae.files import atomic_path, atomic_write_text, remove_stale_temporaries
from pyvae.metrics.estimators.threads import one_thread_of_torch
from pyvae.studies.data_held import check_data
from pyvae.studies.errors import Busy
from pyvae.studies.folder import claimed
from pyvae.studies.run import train_and_evaluate
from pyvae.sweeps.blame import blamed
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import ERROR, LOG, ORDER, PROGRESS, ROWS, RUN
from pyvae.sweeps.order import Order
from pyvae.sweeps.waiting import once_free
from pyvae.training.choice import settled
from pyvae.training.progress import TrainingProgress

PATIENCE_SECONDS = 120.0
"""How long a shard is waited for that another worker still holds, such as one whose coordinator died."""
PROGRESS_SECONDS = 2.0

Outcome = Literal["finished", "failed", "stopped", "held"]


def work(shard: Path, stop: threading.Event) -> Outcome:
    """Trains and measures a shard's cells and writes their rows; those that are there already are left.

    What is a cell's fault is written to error.json and to the log, and "failed" is returned; "stopped" after `stop` is
    set, with what was done kept; "held" where somebody else has been at it for all of the time that it was waited for.
    What is no cell's fault is raised: by `blamed` the memory's, or the machine's.
    """
    try:
        with once_free(shard, time.monotonic() + PATIENCE_SECONDS, stop.wait) as held:
            if not held or stop.is_set():
                return "stopped"
            if (shard / ROWS).exists():
                return "finished"
            remove_stale_temporaries(shard)
            (shard / ERROR).unlink(missing_ok=True)
            with (shard / LOG).open("a") as log:
                return _logged(shard, stop, Console(file=log, width=120))
    except Busy:
        return "held"


def _logged(shard: Path, stop: threading.Event, console: Console) -> Outcome:
    console.print(f"--- {datetime.now(UTC).isoformat(timespec='seconds')}, process {os.getpid()}", highlight=False)
    try:
        _run(shard, stop, console)
    except Interrupted as interrupted:
        console.print(str(interrupted), highlight=False, markup=False)
        return "stopped"
    except Exception as problem:
        if isinstance(problem, Busy) or blamed(problem) != "cell":
            raise
        told = traceback.format_exc()
        console.print(told, highlight=False, markup=False)
        error = {"reason": f"{type(problem).__name__}: {problem}", "traceback": told}
        atomic_write_text(shard / ERROR, json.dumps(error, indent=1) + "\n")
        return "failed"
    return "finished"


def _run(shard: Path, stop: threading.Event, console: Console) -> None:
    order, run, asked = Order.read(shard), shard / RUN, (shard / ORDER).read_bytes()

    def shown(of: Console) -> TrainingProgress:
        return _Progress(of, shard / PROGRESS)

    check_data(order.data, shard.parents[1], order.data)
    with settled(order.ways), claimed(order.study, order.config, run, resume=True):
        train_and_evaluate(
            order.study, order.config, run, console=console, stop=stop, shown=shown, threads=one_thread_of_torch
        )
    rows = with_cells(order.study.table(run), order)
    if not (shard / ORDER).exists() or (shard / ORDER).read_bytes() != asked:
        # Whoever asked has died, and the sweep has grown since: rows would say that this shard is finished.
        raise Interrupted("stopped, because by now the sweep asks for something else")
    with atomic_path(shard / ROWS) as temporary:
        pq.write_table(rows, temporary)
    (shard / PROGRESS).unlink(missing_ok=True)


def with_cells(table: pa.Table, order: Order) -> pa.Table:
    """A study's table with the cell of each model as its first column; rows in the order of cells."""
    parts = []
    for cell, at in order.cells.items():
        mine = pa.array([True] * len(table))
        for column, value in at.items():
            mine = pc.and_(mine, pc.equal(table[column], pa.scalar(value, table.schema.field(column).type)))
        rows = table.filter(mine)
        if not len(rows):
            raise SweepError(f"table of {order.study.name} must have a row for each cell, but has none with {dict(at)}")
        parts.append(rows.add_column(0, "cell", pa.array([cell] * len(rows), pa.string())))
    return pa.concat_tables(parts)


class _Progress(TrainingProgress):
    """Also says in a file how far a shard is."""

    def __init__(self, console: Console, path: Path) -> None:
        super().__init__(console)
        self._path, self._written = path, 0.0

    def start(self, models: int, steps: int, step: int) -> None:
        super().start(models, steps, step)
        self._write(step)  # where an earlier start ended, by which the pace of this one is told

    def advance(self, step: int, models: int, elbo: float | None) -> None:
        super().advance(step, models, elbo)
        if time.monotonic() - self._written > PROGRESS_SECONDS:
            self._write(step)

    def _write(self, step: int) -> None:
        self._written = time.monotonic()
        self._path.write_text(json.dumps({"step": step, "steps": self._steps}))
