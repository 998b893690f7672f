"""Sweeps by Ray: the same bits, whoever dies."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from pyvae.sweeps.engines import workers_named
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import FOLDER
from tests.sweeps.engines.started import assert_same, continued, ended, eventually, started, starts, training
from tests.sweeps.kills import children_of

with_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray, which is not installed: pip install 'pyvae-torch[ray]'"
)
SIZE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
OWN = ("--engine", "ray", "--workers", "2", "--threads", "1")


def ray_process(coordinator: int, name: str) -> int:
    """One of those that a sweep has started Ray with: "gcs_server" or "raylet"."""
    found = [child for child in children_of(coordinator) if Path(program(child)).name == name]
    assert len(found) == 1, [program(child) for child in children_of(coordinator)]
    return found[0]


def program(process: int) -> str:
    """Its path; nothing once it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0].decode()
    except FileNotFoundError:
        return ""


@contextmanager
def cluster(machines: int) -> Iterator[Any]:
    """So many, of a CPU each, that are all this one."""
    from ray.cluster_utils import Cluster

    before = signal.getsignal(signal.SIGTERM)  # it takes it for itself
    made = Cluster(initialize_head=True, head_node_args={**SIZE, "include_dashboard": False})
    try:
        for _ in range(machines - 1):
            made.add_node(**SIZE)
        yield made
    finally:
        made.shutdown()
        signal.signal(signal.SIGTERM, before)


@with_ray
def test_a_worker_and_a_machine_of_a_cluster_are_killed(alone, tmp_path) -> None:
    out = tmp_path / "sweep"
    with cluster(2) as ray:
        joined = ("--engine", "ray", "--address", ray.address)
        refused = ended(started(out, alone, *joined, "--threads", "2"), 2)
        assert "threads must be at most 1, the CPUs of the cluster's largest machine, got 2" in refused
        sweep = started(out, alone, *joined)
        both = eventually(lambda: len(found := training(out)) == 2 and found, sweep)
        os.kill(next(iter(both.values())), signal.SIGKILL)
        eventually(lambda: any(len(starts(out / FOLDER / shard)) > 1 for shard in both), sweep)
        ray.remove_node(ray.list_all_nodes()[1], allow_graceful=False)
        said = ended(sweep)
    assert said.count("it goes on from what it kept") >= 2 and "Ray lost its process (WorkerCrashedError)" in said
    assert_same(out, alone)


@with_ray
@pytest.mark.parametrize("name", ["gcs_server", "raylet"])
def test_ray_itself_is_killed(alone, tmp_path, name) -> None:
    out = tmp_path / "sweep"
    sweep = started(out, alone, *OWN)
    shard, worker = next(iter(eventually(lambda: training(out), sweep).items()))
    os.kill(worker, signal.SIGSTOP)  # a task that is short enough comes to its end without Ray
    os.kill(ray_process(sweep.pid, name), signal.SIGKILL)
    said = ended(sweep, 2)
    assert "because Ray has died: nothing answers at " in said and "the same command goes on" in said
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGCONT)
    ended(started(out, alone, *OWN))
    assert continued(out / FOLDER / shard) or len(starts(out / FOLDER / shard)) == 1  # it came to its end then
    assert_same(out, alone)


@with_ray
def test_a_coordinator_is_killed_and_another_asked_to_stop(alone, tmp_path) -> None:
    """By SIGTERM, which Ray would have for itself; one of the two tasks waits for the other's place."""
    out = tmp_path / "sweep"
    with cluster(1) as ray:
        joined = ("--engine", "ray", "--address", ray.address, "--workers", "2")
        sweep = started(out, alone, *joined)
        ((shard, first),) = eventually(lambda: training(out), sweep).items()
        sweep.kill()
        sweep.communicate()
        sweep = started(out, alone, *joined)
        eventually(lambda: len(starts(out / FOLDER / shard)) == 2, sweep)
        assert not program(first)  # Ray has ended it with its program
        sweep.terminate()
        assert "stopped; 0 of 4 cells are finished and kept" in ended(sweep, 130)
        ended(started(out, alone, *joined))
    assert continued(out / FOLDER / shard) and len(starts(out / FOLDER / shard)) == 3
    assert_same(out, alone)


def test_a_ray_that_is_not_there_is_a_sentence(monkeypatch) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "ray", None)
        with pytest.raises(SweepError, match=r"needs Ray, which is not installed: pip install 'pyvae-torch\[ray\]'"):
            workers_named("ray")


@with_ray
def test_an_address_of_another_kind_is_a_sentence() -> None:
    with pytest.raises(SweepError, match=r"address must be auto or host:port .*, got ray://head:10001"):
        workers_named("ray", address="ray://head:10001")
    command = "from pyvae.sweeps.engines import workers_named; workers_named('ray', address='auto')"
    environment = {**os.environ, "RAY_TMPDIR": "/nowhere"}
    said = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, env=environment).stderr
    assert "SweepError: address must be that of a Ray cluster, but none was joined at auto" in said
