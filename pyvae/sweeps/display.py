"""How a sweep is shown while it runs: one display on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pyvae.report.answer import counted
from pyvae.sweeps.names import ROWS
from pyvae.sweeps.planning.plan import Best
from pyvae.sweeps.spelling import nearest
from pyvae.sweeps.table.columns import measures
from pyvae.sweeps.table.outcomes import CELL

PLAIN_LINE_SECONDS = 20.0
SHOWN = 8
"""Shards at work that the display has a line of."""
ENOUGH = 0.1
"""Of one cell's steps has to be taken before a time is told: first steps come after imports, data and measuring."""

Progress = Mapping[str, tuple[int, int] | None]
"""Of each shard at work the steps done and all of them; None where it does not train."""


class Display:
    """Counts cells: done, at work, failed, open. A context manager."""

    def __init__(
        self,
        console: Console,
        cells: Mapping[str, int],
        *,
        finished: int,
        failed: int,
        best: Best | None = None,
        named: Callable[[str], str] = "cell {}".format,
        results: pa.Table | None = None,
    ) -> None:
        """`cells` are those of each shard that is open; others were finished or given up before, and have `results`.
        `named` says which cell it is that has an id.
        """
        self._console, self._cells, self._best, self._named = console, dict(cells), best, named
        self._before, self._failed_before = finished, failed
        self._done = self._failed = 0
        self._earlier: dict[str, float] = {}
        """The part of its steps that earlier starts have taken, of each shard that was seen to train."""
        self._inherited = 0.0
        """The same of all finished shards together, in cells."""
        self._begun = time.monotonic()
        self._line = self._begun
        self._leader: tuple[float, str] | None = None
        self._told_unknown = False
        if best is not None and results is not None and best.column in results.column_names:
            self._compare(results, best)
        self._live = Live(console=console, transient=True, refresh_per_second=2) if console.is_terminal else None

    def __enter__(self) -> "Display":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *problem: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, sentence: str) -> None:
        """A line that stays."""
        self._console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    def finished(self, cells: int, shard: Path) -> None:
        """So many cells more are done."""
        self._done += cells
        self._inherited += cells * self._earlier.pop(shard.name, 0.0)
        if self._best is not None:
            self._look(shard, self._best)

    def failed(self, sentence: str) -> None:
        """A cell more is given up."""
        self._failed += 1
        self.say(f"failed: {sentence}")

    def split(self, shard: str, parts: Mapping[str, int]) -> None:
        """A shard's cells are in other shards from now on, so many in each."""
        self._earlier.pop(shard, None)
        self._cells.pop(shard, None)
        self._cells |= parts

    def running(self, shards: Progress) -> None:
        """What is at work now."""
        for name, part in _parts(shards).items():  # at first an earlier start's, then where its checkpoint was
            self._earlier[name] = min(part, self._earlier.get(name, 1.0))
        now = time.monotonic()
        if self._live is not None:
            self._live.update(self._drawn(shards))
        elif now - self._line > PLAIN_LINE_SECONDS:
            self._line = now
            self.say(self.summary(shards))

    def summary(self, shards: Progress) -> str:
        """All of it in a line."""
        cells = sum(self._cells[name] for name in shards)
        parts = [f"{self._before + self._done} of {counted(self._all, 'cell')} done", f"{cells} at work"]
        if self._failed_before + self._failed:
            parts.append(f"{self._failed_before + self._failed} failed")
        if (left := self._left(shards)) is not None:
            parts.append(f"{_minutes(left)} left")
        if self._leader is not None and self._best is not None:
            parts.append(f"best {self._best.column} {self._leader[0]:.4g} ({self._leader[1]})")
        return ", ".join(parts)

    @property
    def _all(self) -> int:
        return self._before + self._failed_before + sum(self._cells.values())

    def _left(self, shards: Progress) -> float | None:
        """Seconds, from the pace of this start; None as long as too little is done to tell."""
        parts = _parts(shards)
        complete = self._done + self._failed + self._work(parts)
        earlier = self._inherited + self._work({name: self._earlier.get(name, 0.0) for name in parts})
        done, seconds = complete - earlier, time.monotonic() - self._begun
        return None if done < ENOUGH else seconds * (sum(self._cells.values()) - complete) / done

    def _work(self, parts: Mapping[str, float]) -> float:
        """How many cells' work parts of shards are."""
        return sum(self._cells[name] * part for name, part in parts.items())

    def _drawn(self, shards: Progress) -> Group:
        lines = Table.grid(padding=(0, 2))
        for name, at in list(shards.items())[:SHOWN]:
            step, steps = at or (0, 1)
            text = "starts or measures" if at is None else f"step {step}/{steps}"
            lines.add_row(name, counted(self._cells[name], "cell"), ProgressBar(steps, step, width=24), text)
        return Group(lines, Text(self.summary(shards)))

    def _look(self, shard: Path, best: Best) -> None:
        """Looks for a better model among those of a finished shard."""
        table = pq.read_table(shard / ROWS)
        if best.column not in table.column_names:
            if self._leader is None and not self._told_unknown:
                self._told_unknown = True
                near = nearest(best.column, measures(table))
                self.say(f"best names {best.column}, which shard {shard.name} has not: {near}")
            return
        self._compare(table, best)

    def _compare(self, table: pa.Table, best: Best) -> None:
        for cell, value in zip(table[CELL].to_pylist(), table[best.column].to_pylist(), strict=True):
            if value is not None and (self._leader is None or (value > self._leader[0]) == best.largest):
                self._leader = (float(value), self._named(cell))


def _parts(shards: Progress) -> dict[str, float]:
    """The part of its steps that each shard that trains has done."""
    return {name: at[0] / at[1] for name, at in shards.items() if at is not None}


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
