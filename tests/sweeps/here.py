"""An engine that works at shards in this process: what tests replace in it holds, and nothing is started."""

import threading
from collections.abc import Callable
from pathlib import Path

from pyvae.sweeps.engines.engine import End, end_of
from pyvae.sweeps.names import FOLDER
from pyvae.sweeps.work import work


class Here:
    """One shard at a time, worked at when its end is waited for. `before` is called with each shard's name first; what
    it raises is as if the worker had died of it.
    """

    def __init__(self, slots: int = 1, before: Callable[[str], None] = lambda shard: None) -> None:
        self.slots, self.before = slots, before
        self.started: list[str] = []
        self._todo: list[str] = []
        self._stop = threading.Event()

    def opened(self, sweep: Path) -> "Here":
        self._sweep = sweep
        self._stop.clear()
        return self

    def start(self, shard: str) -> None:
        self.started.append(shard)
        self._todo.append(shard)

    def wait(self, seconds: float) -> list[End]:
        shard = self._todo.pop(0)
        try:
            self.before(shard)
            return [End(shard, work(self._sweep / FOLDER / shard, self._stop))]
        except KeyboardInterrupt:
            return [End(shard, "lost", "it was killed")]
        except Exception as problem:
            return [end_of(shard, problem)]

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        pass
