"""Sees to it that every shard is worked at until it is finished or given up.

All that it knows and could not read again in the folder is how often each shard's worker died without getting further.
"""

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import NamedTuple

import pyarrow as pa

from pyvae.report.answer import counted
from pyvae.studies.data_held import held_in
from pyvae.sweeps.display import Display
from pyvae.sweeps.engines.engine import End, Engine
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.folder import SweepFolder
from pyvae.sweeps.logs import Log
from pyvae.sweeps.names import ERROR, PROGRESS, RUN
from pyvae.sweeps.order import Order
from pyvae.sweeps.planning.packing import split
from pyvae.sweeps.planning.plan import Cell, Plan
from pyvae.sweeps.table.results import write_results
from pyvae.training.choice import Ways

WAIT_SECONDS = 1.0
HELD_SECONDS = 30.0
"""After which a shard is tried again that somebody else is at."""
MERGE_SECONDS, MERGE_SHARE = 10.0, 0.01
"""results.parquet is made anew so often at most, and of all time takes this share at most."""


class Limits(NamedTuple):
    """When the coordinator gives up."""

    attempts: int = 5
    """Workers that may die at a shard, one after the other, without getting any further."""
    failures: int | None = None
    """Cells that may fail before the sweep stops."""


@dataclass
class Coordinator:
    """One start of a sweep."""

    folder: SweepFolder
    plan: Plan
    ways: Ways
    engine: Engine
    display: Display
    limits: Limits = field(default_factory=Limits)
    logs: Sequence[Log] = ()
    why_stopped: str | None = None
    """Why the sweep ends before its time, where nobody asked it to."""

    def __post_init__(self) -> None:
        self._cells = {cell.id: cell for cell in self.plan.cells}
        self._shards = self.folder.shards()
        self._data = held_in(self.folder.path)
        self._queue = deque(
            name for name in self._shards if not (self.folder.is_finished(name) or self.folder.has_failed(name))
        )
        self._running: set[str] = set()
        self._later: dict[str, float] = {}
        """Shards that somebody else is at, with the time at which they are tried again."""
        self._lost: Counter[str] = Counter()
        self._marks: dict[str, object] = {}
        self._failed = 0
        self._asked = False
        self._merged, self._merging = time.monotonic(), 0.0

    def run(self, stop: Event) -> None:
        """Until all is done, `stop` is set, or a limit is reached; then what workers have done is kept.

        What keeps the coordinator itself from going on, such as a full disk, stops the sweep in the same way. Raises
        SweepError where the folder is not there any more.
        """
        if self.logs:
            self._guarded(self.merge)  # what was done before, perhaps without them
        while self._running or ((self._queue or self._later) and not self._asked):
            self._asked = self._asked or stop.is_set() or self.why_stopped is not None
            if self._asked and self._running:
                self.engine.stop()
            if not self._asked:
                self._guarded(self._start_some)
            ends = self.engine.wait(WAIT_SECONDS) if self._running else []
            if not self.folder.exists():  # before what its absence did to workers is laid to cells
                raise SweepError(f"out must stay where it is while a sweep runs, but {self.folder.path} is gone")
            for end in ends:
                self._guarded(lambda end=end: self._ended(end))  # type: ignore[misc]
            self.display.running({name: self._progress(name) for name in self._running})
            if time.monotonic() - self._merged > max(MERGE_SECONDS, self._merging / MERGE_SHARE):
                self._guarded(self.merge)
            if not self._running and self._later:
                stop.wait(WAIT_SECONDS)

    def _guarded(self, step: Callable[[], None]) -> None:
        """A step of the coordinator's own work: where it fails the sweep stops, and workers keep what they have."""
        try:
            step()
        except (OSError, SweepError, pa.ArrowException) as problem:
            self.why_stopped = self.why_stopped or str(problem)

    def _start_some(self) -> None:
        now = time.monotonic()
        for name in [name for name, when in self._later.items() if when <= now]:
            del self._later[name]
            self._queue.append(name)
        while self._queue and len(self._running) < self.engine.slots:
            self._start(self._queue.popleft())

    def merge(self) -> None:
        """Brings results.parquet and the logs up to date."""
        begun = self._merged = time.monotonic()
        write_results(self.folder.path)
        for log in self.logs:
            log.update()
        self._merged = time.monotonic()
        self._merging = self._merged - begun

    def end(self) -> None:
        """Brings them up to date for the last time."""
        self._guarded(self.merge)

    def _start(self, name: str) -> None:
        """Leaves the order in the shard's folder, and has it worked at."""
        cells = [self._cells[one] for one in self._shards[name]]
        order_of(self.plan, cells, self.ways, self._data).write(self.folder.shard(name))
        self._running.add(name)
        self.engine.start(name)

    def _ended(self, end: End) -> None:
        name = end.shard
        self._running.discard(name)
        if self.folder.is_finished(name):
            self.display.finished(len(self._shards[name]), self.folder.shard(name))
        elif end.kind == "failed":
            self._give_up(name, *_error_of(self.folder.shard(name)))
        elif end.kind == "machine":
            self.why_stopped = end.detail
        elif end.kind == "held":
            if not self._asked:
                self.display.say(f"shard {name}: somebody else is at it, it is tried again")
            self._later[name] = time.monotonic() + HELD_SECONDS
        elif end.kind == "stopped" and self._asked:
            self._queue.appendleft(name)
        else:
            self._again(name, end.detail or "it was stopped by somebody else")

    def _again(self, name: str, how: str) -> None:
        """A shard whose worker has died: it goes on from what it kept, unless too many have died at the same place."""
        mark = mark_of(self.folder.shard(name))
        self._lost[name] = 1 if mark != self._marks.get(name) else self._lost[name] + 1
        self._marks[name] = mark
        if self._lost[name] < self.limits.attempts:
            self.display.say(f"shard {name}: {how}; it goes on from what it kept")
            self._queue.appendleft(name)
        else:
            self._give_up(name, f"{self._lost[name]} workers died at it, the last one because {how}", "")

    def _give_up(self, name: str, reason: str, traceback: str) -> None:
        """A single cell has failed; of several the one is found that did it, and the others go on without it."""
        cells = [self._cells[one] for one in self._shards[name]]
        if len(cells) > 1:
            halves = split(self.plan, cells, -(-len(cells) // 2))
            self.display.say(f"shard {name}: {reason}; its {len(cells)} cells are tried in {len(halves)} parts")
            made = self.folder.replace(name, [[cell.id for cell in half] for half in halves])
            self._queue.extendleft(made)
            self._shards = self.folder.shards()
            self.display.split(name, {one: len(self._shards[one]) for one in made})
            return
        self.folder.fail(name, reason, traceback, max(1, self._lost[name]))
        self._failed += 1
        self.display.failed(f"{told(cells[0])}: {reason}")
        if self.limits.failures is not None and self._failed >= self.limits.failures:
            self.why_stopped = f"{counted(self._failed, 'cell')} failed"

    def _progress(self, name: str) -> tuple[int, int] | None:
        """How far a shard is, in steps of all its steps; None before it trains and once it is measured."""
        try:
            held = json.loads((self.folder.shard(name) / PROGRESS).read_text())
        except (OSError, ValueError):
            return None
        return held["step"], held["steps"]


def order_of(plan: Plan, cells: Sequence[Cell], ways: Ways, data: Mapping[str, str]) -> Order:
    """What is to be done for these cells together."""
    config = plan.config_of(cells)
    columns = plan.study.stacks(config)
    at = {
        cell.id: {column: cell.values[name] for name, column in columns.items() if name in cell.values}
        for cell in cells
    }
    return Order(plan.study, config, at, ways, data)


def _error_of(shard: Path) -> tuple[str, str]:
    """Reason and traceback of a shard's last attempt."""
    try:
        error = json.loads((shard / ERROR).read_text())
        return str(error["reason"]), str(error["traceback"])
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return f"for a reason that {ERROR} does not have any more, see its log", ""


def mark_of(shard: Path) -> object:
    """What changes when a shard has got further: its checkpoints, and what is measured of its models."""
    marks = []
    for path in (*shard.glob(f"{RUN}/checkpoint/**/current.manifest"), *shard.glob(f"{RUN}/metrics/**/*.json")):
        with suppress(FileNotFoundError):  # a worker that was taken for dead may write still
            marks.append((str(path), path.stat().st_mtime_ns))
    return sorted(marks)


def told(cell: Cell) -> str:
    """A cell in words: "strengths 4, seeds 1"."""
    return ", ".join(f"{name} {value}" for name, value in cell.values.items()) or "the only cell"
