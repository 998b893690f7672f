"""Tasks of a Ray cluster, or of a Ray that is started for the sweep on this machine.

A task is given a folder's name and a number. It is submitted to be tried once (`max_retries=0`): the coordinator tries
again itself, and counts.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pyvae.sweeps.engines.engine import End
from pyvae.sweeps.engines.local import Local
from pyvae.sweeps.engines.task import ask, ask_no_more, run_shard
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import FOLDER

OBJECT_STORE = 100 * 2**20
"""Bytes: of all that is exchanged a folder's name is the largest, and Ray would set a third of the memory aside."""
ANSWER_SECONDS, PATIENCE_SECONDS = 5.0, 10.0
"""For one answer of Ray's, and for any: after a minute without its GCS Ray ends the process that has joined it."""


class Ray:
    """Tasks of so many threads each, so many at a time.

    Without an address a Ray is started on this machine, of the size that `Local` would choose. With one, "auto" or
    host:port, a cluster is joined, from one of its machines; by default as many tasks run as it has room for.
    """

    def __init__(self, workers: int | None = None, threads: int | None = None, address: str | None = None) -> None:
        """Joins the cluster at once, since its size is part of what sweeps are planned by.

        Raises SweepError where Ray is not installed, where none answers at the address, and where no machine of the
        cluster has so many threads.
        """
        _ray()
        self._address, self._ours = address, False
        if address is None:
            size = Local(workers, threads)
            self.slots, self.threads = size.slots, size.threads
        else:
            self._ours = _join(address)
            self.threads = threads or 1
            room = _room(self.threads)
            self.slots = workers or room

    def opened(self, sweep: Path) -> "RayEngine":
        """The engine at work in a sweep's folder."""
        begun = _start(self.slots * self.threads) if self._address is None else _join(self._address)
        self._ours = self._ours or begun
        return RayEngine(sweep.absolute(), self.slots, self.threads, ours=self._ours)


class RayEngine:
    """`slots` tasks with `threads` threads each, of the Ray that this process has joined. `ours`: it is left at the
    end.
    """

    def __init__(self, sweep: Path, slots: int, threads: int, *, ours: bool) -> None:
        ray = _ray()
        self.slots = slots
        self._sweep, self._threads, self._ours = sweep, threads, ours
        self._task = ray.remote(num_cpus=threads, max_retries=0)(run_shard)
        self._running: dict[Any, str] = {}
        self._doors = _doors()
        self._asked = self._is_gone = False
        self._heard = time.monotonic()
        ask_no_more(sweep)

    def start(self, shard: str) -> None:
        """Ray begins it as soon as a machine has room."""
        self._running[self._task.remote(str(self._sweep / FOLDER / shard), self._threads)] = shard

    def wait(self, seconds: float) -> list[End]:
        """What has ended within so many seconds. Where Ray itself has died all ends: no task would ever be heard of."""
        done, _ = _ray().wait(list(self._running), timeout=seconds) if self._running else ([], [])
        ends = [_end_of(task, self._running.pop(task)) for task in done]
        closed = [door for door in self._doors if not _listens(*door)]
        if not closed:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > PATIENCE_SECONDS:
            self._is_gone = True
            detail = f"Ray has died: nothing answers at {closed[0][0]}:{closed[0][1]} any more"
            ends += [End(shard, "machine", detail) for shard in self._running.values()]
            self._running.clear()
        return ends

    def stop(self) -> None:
        """The file reaches what runs, and cancelling, which does no more to it, what waits for a machine."""
        if self._asked:
            return
        self._asked = True
        ask(self._sweep)
        for task in self._running:
            _ray().cancel(task, recursive=False)

    def close(self) -> None:
        """Ends what has not ended, and a Ray that was started, or joined, for the sweep."""
        for task in () if self._is_gone else self._running:
            _ray().cancel(task, force=True)
        self._running.clear()
        if self._ours:
            with _own_sigterm():
                _ray().shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise SweepError(
            "engine ray needs Ray, which is not installed: pip install 'pyvae-torch[ray]', or choose another engine"
        ) from None
    return ray


def _start(cpus: int) -> bool:
    """Starts a Ray of its own, unless this process has joined one; says whether it did."""
    return _init(address="local", num_cpus=cpus, include_dashboard=False, object_store_memory=OBJECT_STORE)


def _join(address: str) -> bool:
    """Joins the Ray at an address, unless this process has joined one; says whether it did."""
    if "://" in address:
        raise SweepError(
            f"address must be auto or host:port of a Ray cluster that this machine is part of, got {address}"
        )
    try:
        return _init(address=address)
    except (OSError, RuntimeError, ValueError) as problem:
        first = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        raise SweepError(f"address must be that of a Ray cluster, but none was joined at {address}: {first}") from None


def _init(**settings: Any) -> bool:
    if _ray().is_initialized():
        return False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone unless the user has said so
    with _own_sigterm():
        _ray().init(log_to_driver=False, logging_level=logging.ERROR, **settings)
    return True


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keeps the handler of SIGTERM, which Ray takes for itself: a sweep that is asked to end keeps what is done."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _room(threads: int) -> int:
    """How many tasks of so many threads a cluster takes at a time."""
    cpus = [int(node["Resources"].get("CPU", 0)) for node in _ray().nodes() if node["Alive"]]
    if threads > max(cpus, default=0):
        raise SweepError(
            f"threads must be at most {max(cpus, default=0)}, the CPUs of the cluster's largest machine, got {threads}"
        )
    return sum(each // threads for each in cpus)


def _doors() -> list[tuple[str, int]]:
    """Where Ray listens: for the cluster (its GCS), and on this machine (its raylet).

    Without the second Ray never says how its tasks ended, and a minute after the first has gone it ends this process:
    so both are looked after here.
    """
    here = _ray().get_runtime_context()
    host, _, port = here.gcs_address.rpartition(":")
    mine = [node for node in _ray().nodes() if node["NodeID"] == here.get_node_id()]
    return [(host, int(port)), *((node["NodeManagerAddress"], node["NodeManagerPort"]) for node in mine)]


def _listens(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host.strip("[]"), port), ANSWER_SECONDS):
        return True
    return False


def _end_of(task: Any, shard: str) -> End:
    """What the task said, or Ray of it."""
    from ray import exceptions

    try:
        end: End = _ray().get(task)
        return end
    except exceptions.TaskCancelledError:
        return End(shard, "stopped")
    except exceptions.OutOfMemoryError:
        return End(shard, "lost", "Ray ended its process, since its machine ran out of memory")
    except exceptions.RayTaskError as problem:  # nothing is raised by a shard: the task could not begin
        why = str(problem).strip().splitlines()[-1]
        return End(shard, "machine", f"a machine of the cluster cannot run pyvae: {why}")
    except exceptions.RayError as problem:
        return End(shard, "lost", f"Ray lost its process ({type(problem).__name__})")
