"""Workers that are processes of their own: the same bits as in this process, whoever dies."""

import os
import signal
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pyvae.sweeps.engines.local import Local, LocalEngine
from pyvae.sweeps.names import FOLDER
from pyvae.sweeps.run import run_sweep
from tests.sweeps.here import Here
from tests.sweeps.kills import children_of, compared, steps_for
from tests.sweeps.tiny import tiny


def test_processes_give_the_same_bits_as_this_one(tmp_path, quiet) -> None:
    tables = []
    for name, engine in (("here", Here()), ("local", Local(2, 1))):
        run_sweep(tiny(), tmp_path / name, engine=engine, shard_size=2, console=quiet)
        tables.append(pq.read_table(tmp_path / name / "results.parquet"))
    assert tables[0].equals(tables[1]) and len(tables[0]) == 8


def test_a_worker_that_is_killed_is_told_and_replaced(tmp_path) -> None:
    (tmp_path / FOLDER / "a").mkdir(parents=True)
    engine = LocalEngine(tmp_path, 1, 1)
    try:
        engine.start("a")  # there is no order: whether it dies before it finds out does not matter
        (worker,) = children_of(os.getpid())[-1:]
        os.kill(worker, signal.SIGKILL)
        (end,) = waited(engine)
        assert (end.shard, end.kind) == (
            "a",
            "lost",
        ) and "SIGKILL, as the system does where memory runs out" in end.detail
        engine.start("a")
        (end,) = waited(engine)
        assert (end.shard, end.kind) == ("a", "failed")
    finally:
        engine.close()
    assert "order.json must hold a shard's order" in (tmp_path / FOLDER / "a" / "error.json").read_text()


def test_a_worker_that_gets_sigterm_keeps_what_it_has_and_is_replaced(tmp_path, quiet) -> None:
    """One that stayed would answer every shard at once that it was stopped, and the sweep would go round and round."""
    started, engine = [], Local(1, 1)

    class Terminated(LocalEngine):
        def start(self, shard: str) -> None:
            started.append(shard)
            super().start(shard)

        def wait(self, seconds: float) -> list:
            if len(started) == 1:
                time.sleep(4)  # it is at work by then, or about to be
                os.kill(self._workers[0].process.pid, signal.SIGTERM)
            return super().wait(seconds)

    engine.opened = lambda sweep: Terminated(sweep, 1, 1)
    config = tiny({"seeds": [0]}, strengths=[1.0], steps=20_000)
    run_sweep(config, tmp_path / "sweep", engine=engine, shard_size=1, console=quiet)
    assert pq.read_table(tmp_path / "sweep" / "results.parquet")["steps_taken"].to_pylist() == [20_000]
    assert len(started) <= 2


def waited(engine: LocalEngine) -> list:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if ends := engine.wait(1.0):
            return ends
    pytest.fail("no worker ended")


def test_a_sweep_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path: Path, figure) -> None:
    found = compared(figure, steps=steps_for(figure), seeds=4, folder=tmp_path)
    # A fast machine may be done before the last kill.
    assert figure // 2 <= found.coordinators + found.workers <= figure and found.finished == 8
