"""Processes of this machine, each of which works at one shard after the other; one that dies is replaced."""

import json
import os
import selectors
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from pyvae.sweeps.engines.engine import End
from pyvae.sweeps.engines.worker import STOP

LOG = "workers.log"
"""What workers print outside of a shard's own log."""
KILL_SECONDS = 10.0


@dataclass
class _Worker:
    process: subprocess.Popen[str]
    shard: str | None = None
    """What it works at."""
    is_leaving: bool = False
    """Whether it ends after what it said last."""


class Local:
    """So many processes of this machine, of so many threads each; by default one for each of torch's threads, so that
    OMP_NUM_THREADS bounds both, which share them out.
    """

    def __init__(self, workers: int | None = None, threads: int | None = None) -> None:
        known = torch.get_num_threads()
        self.slots = workers if workers is not None else max(1, known // (threads or 1))
        self.threads = threads if threads is not None else max(1, known // self.slots)

    def opened(self, sweep: Path) -> "LocalEngine":
        """The engine at work in a sweep's folder."""
        return LocalEngine(sweep, self.slots, self.threads)


class LocalEngine:
    """`workers` processes with `threads` threads each."""

    def __init__(self, sweep: Path, workers: int, threads: int) -> None:
        self.slots = workers
        self._command = [sys.executable, "-m", "pyvae.sweeps.engines.worker", str(sweep), str(threads)]
        self._environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self._log = (sweep / LOG).open("a")
        self._workers: list[_Worker] = []
        self._answers = selectors.DefaultSelector()

    def start(self, shard: str) -> None:
        """By an idle worker, or a new one."""
        idle = (one for one in self._workers if one.shard is None and not one.is_leaving)
        worker = next((one for one in idle if one.process.poll() is None), None)
        worker = worker or self._new()
        worker.shard = shard
        self._send(worker, shard)

    def wait(self, seconds: float) -> list[End]:
        """What workers said, and who died, within so many seconds; returns with the first."""
        ends = []
        for key, _ in self._answers.select(seconds):
            worker: _Worker = key.data
            assert worker.process.stdout is not None
            line = worker.process.stdout.readline()
            if line.endswith("\n"):
                end = End(*json.loads(line))
                worker.shard, worker.is_leaving = None, end.kind in ("lost", "machine")
                ends.append(end)
            else:
                ends += self._buried(worker)
        return ends

    def stop(self) -> None:
        """Every worker keeps what it has done."""
        for worker in self._workers:
            self._send(worker, STOP)

    def close(self) -> None:
        """Workers end with their input; those that do not are killed."""
        for worker in self._workers:
            assert worker.process.stdin is not None and worker.process.stdout is not None
            if worker.shard is not None:
                worker.process.kill()
            with suppress(BrokenPipeError):
                worker.process.stdin.close()
        for worker in self._workers:
            try:
                worker.process.wait(KILL_SECONDS)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            worker.process.stdout.close()  # type: ignore[union-attr]
        self._answers.close()
        self._log.close()

    def _new(self) -> _Worker:
        # A session of its own: the terminal's ctrl-C is the coordinator's, which asks its workers to stop.
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            bufsize=1,
            env=self._environment,
            start_new_session=True,
        )
        worker = _Worker(process)
        self._workers.append(worker)
        assert process.stdout is not None
        self._answers.register(process.stdout, selectors.EVENT_READ, worker)
        return worker

    def _send(self, worker: _Worker, line: str) -> None:
        assert worker.process.stdin is not None
        with suppress(BrokenPipeError):  # it has died: `wait` sees the end of its answers
            worker.process.stdin.write(line + "\n")
            worker.process.stdin.flush()

    def _buried(self, worker: _Worker) -> list[End]:
        """A worker that has ended, with the shard that it was at."""
        assert worker.process.stdout is not None
        self._answers.unregister(worker.process.stdout)
        worker.process.stdout.close()
        self._workers.remove(worker)
        code = worker.process.wait()
        return [] if worker.shard is None else [End(worker.shard, "lost", _how_it_died(code))]


def _how_it_died(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit code {code}, see {LOG}"
    name = signal.Signals(-code).name if -code in {int(one) for one in signal.Signals} else str(-code)
    hint = ", as the system does where memory runs out" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{hint}"
