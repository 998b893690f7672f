"""Sees to it that every shard is worked at until it is finished or given up.

All that it knows and could not read again in the folder is how often each shard's worker died without getting further.
"""

import json
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import NamedTuple

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
        self._queue = deque(
            name for name in self._shards if not (self.folder.is_finished(name) or self.folder.has_failed(name))
        )
        self._running: set[str] = set()
        self._lost: Counter[str] = Counter()
        self._marks: dict[str, object] = {}
        self._failed = 0
        self._merged, self._merging = time.monotonic(), 0.0

    def run(self, stop: Event) -> None:
        """Until all is done, `stop` is set, or a limit is reached; then what workers have done is kept."""
        asked = False
        if self.logs:
            self.merge()  # what was done before, perhaps without them
        while self._running or (self._queue and not asked):
            asked = asked or stop.is_set() or self.why_stopped is not None
            if asked and self._running:
                self.engine.stop()
            while not asked and self._queue and len(self._running) < self.engine.slots:
                self._start(self._queue.popleft())
            ends = self.engine.wait(WAIT_SECONDS) if self._running else []
            if not self.folder.exists():  # before what its absence did to workers is laid to cells
                raise SweepError(f"out must stay where it is while a sweep runs, but {self.folder.path} is gone")
            for end in ends:
                self._ended(end)
            self.display.running({name: self._progress(name) for name in self._running})
            if time.monotonic() - self._merged > max(MERGE_SECONDS, self._merging / MERGE_SHARE):
                self.merge()

    def merge(self) -> None:
        """Brings results.parquet and the logs up to date."""
        begun = time.monotonic()
        write_results(self.folder.path)
        self._merging = time.monotonic() - begun
        for log in self.logs:
            log.update()
        self._merged = time.monotonic()

    def _start(self, name: str) -> None:
        """Leaves the order in the shard's folder, and has it worked at."""
        cells = [self._cells[one] for one in self._shards[name]]
        order_of(self.plan, cells, self.ways).write(self.folder.shard(name))
        self._running.add(name)
        self.engine.start(name)

    def _ended(self, end: End) -> None:
        name = end.shard
        self._running.discard(name)
        if self.folder.is_finished(name):
            self.display.finished(len(self._shards[name]), self.folder.shard(name))
        elif end.kind == "failed":
            error = json.loads((self.folder.shard(name) / ERROR).read_text())
            self._give_up(name, error["reason"], error["traceback"])
        elif end.kind == "machine":
            self.why_stopped = end.detail
        elif end.kind == "lost":
            self._again(name, end.detail)
        else:
            self._queue.appendleft(name)

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
            self._queue.extendleft(self.folder.replace(name, [[cell.id for cell in half] for half in halves]))
            self._shards = self.folder.shards()
            return
        self.folder.fail(name, reason, traceback, max(1, self._lost[name]))
        self._failed += 1
        self.display.failed(f"{told(cells[0])}: {reason}")
        if self.limits.failures is not None and self._failed >= self.limits.failures:
            self.why_stopped = f"{self._failed} cell{'' if self._failed == 1 else 's'} failed"

    def _progress(self, name: str) -> tuple[int, int] | None:
        """How far a shard is, in steps of all its steps; None before it trains and once it is measured."""
        try:
            held = json.loads((self.folder.shard(name) / PROGRESS).read_text())
        except (OSError, ValueError):
            return None
        return held["step"], held["steps"]


def order_of(plan: Plan, cells: Sequence[Cell], ways: Ways) -> Order:
    """What is to be done for these cells together."""
    config = plan.config_of(cells)
    columns = plan.study.stacks(config)
    at = {
        cell.id: {column: cell.values[name] for name, column in columns.items() if name in cell.values}
        for cell in cells
    }
    return Order(plan.study, config, at, ways)


def mark_of(shard: Path) -> object:
    """What changes when a shard has got further: its checkpoints, and what is measured of its models."""
    files = [*shard.glob(f"{RUN}/checkpoint/**/current.manifest"), *shard.glob(f"{RUN}/metrics/**/*.json")]
    return sorted((str(path), path.stat().st_mtime_ns) for path in files)


def told(cell: Cell) -> str:
    """A cell in words: "strengths 4, seeds 1"."""
    return ", ".join(f"{name} {value}" for name, value in cell.values.items()) or "the only cell"
