"""What Ray and SLURM are given for a shard: a folder's name and a number, whatever carries them where.

All else is read off the disk when it begins, so that it does not matter how often it is called, or from how old a copy.
"""

import os
import threading
import time
from pathlib import Path

import torch

from pyvae.sweeps.engines.engine import End, end_of
from pyvae.sweeps.names import STOP
from pyvae.sweeps.work import work

POLL_SECONDS = 1.0
"""How often it is looked for."""


def ask(sweep: Path) -> None:
    """Asks whoever works in a sweep's folder, on whatever machine, to stop."""
    (sweep / STOP).touch()


def ask_no_more(sweep: Path) -> None:
    """For the next start."""
    (sweep / STOP).unlink(missing_ok=True)


def run_shard(shard: str, threads: int) -> End:
    """Works at the shard in this folder, and says how that ended."""
    return Attempt(Path(shard), threads).run()


class Attempt:
    """Works at a shard in a thread of its own: the main thread, to which signals come, stays free to hear that it has
    to end.
    """

    def __init__(self, shard: Path, threads: int) -> None:
        self._shard, self._threads = shard, threads
        self._stop, self._over = threading.Event(), threading.Event()
        self._end = End(shard.name, "stopped")

    def run(self) -> End:
        """Until the shard is done, or was asked to stop by the file or by a KeyboardInterrupt."""
        if self._is_asked():
            return self._end
        threading.Thread(target=self._work, daemon=True).start()
        while True:
            try:
                # No `join` of the thread: Python says of one that is interrupted that it has ended (CPython gh-90882).
                if self._over.wait(POLL_SECONDS):
                    return self._end
                if not self._stop.is_set() and self._is_asked():
                    self._stop.set()
            except KeyboardInterrupt:  # what Ray makes of a task that is cancelled
                self._stop.set()

    def stop(self, seconds: float) -> None:
        """Has all kept that is done, in so many seconds at most; for a signal's handler, which interrupts `run`."""
        if not self._stop.is_set():
            self._stop.set()
        until = time.monotonic() + seconds
        while not self._over.is_set() and time.monotonic() < until:  # the lock of `wait` may be held by `run`
            time.sleep(0.05)

    def _is_asked(self) -> bool:
        return os.path.exists(self._shard.parents[1] / STOP)  # a file system that does not answer has not asked

    def _work(self) -> None:
        # Here and for each shard: a process that Ray uses again has the number of its first task.
        torch.set_num_threads(self._threads)
        try:
            self._end = End(self._shard.name, work(self._shard, self._stop))
        except Exception as problem:
            self._end = end_of(self._shard.name, problem)
        finally:
            self._over.set()
