"""What Ray and SLURM are given, in this process."""

import _thread
import errno
import threading
import time
from pathlib import Path

import pytest
import torch

from pyvae.sweeps.engines import task
from pyvae.sweeps.engines.engine import End
from pyvae.sweeps.engines.task import Attempt, ask, ask_no_more, run_shard


@pytest.fixture
def shard(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(task, "POLL_SECONDS", 0.02)
    folder = tmp_path / "shards" / "0123456789ab"
    folder.mkdir(parents=True)
    return folder


def working(monkeypatch: pytest.MonkeyPatch, work: object) -> None:
    monkeypatch.setattr(task, "work", work)


def until_asked(shard: Path, stop: threading.Event) -> str:
    return "stopped" if stop.wait(20) else "finished"


def test_each_shard_has_the_threads_it_is_given(shard, monkeypatch) -> None:
    before, seen = torch.get_num_threads(), []
    working(monkeypatch, lambda shard, stop: seen.append(torch.get_num_threads()) or "finished")
    try:
        for threads in (3, 1, 2):
            assert run_shard(str(shard), threads) == End(shard.name, "finished")
    finally:
        torch.set_num_threads(before)
    assert seen == [3, 1, 2]


def test_what_is_raised_is_told(shard, monkeypatch) -> None:
    def end(problem: Exception) -> End:
        def work(shard: Path, stop: threading.Event) -> str:
            raise problem

        working(monkeypatch, work)
        return run_shard(str(shard), 1)

    full = end(OSError(errno.ENOSPC, "No space left on device"))
    assert full.kind == "machine" and "No space left on device (on " in full.detail
    assert end(MemoryError()) == End(shard.name, "lost", "it ran out of memory")
    assert end(RuntimeError("of another kind")) == End(shard.name, "lost", "of another kind")


def test_a_file_asks_to_stop_and_a_new_start_takes_it_away(shard, monkeypatch) -> None:
    sweep = shard.parents[1]
    working(monkeypatch, until_asked)
    threading.Timer(0.2, ask, [sweep]).start()
    assert run_shard(str(shard), 1) == End(shard.name, "stopped")
    working(monkeypatch, lambda shard, stop: pytest.fail("it was asked to stop before"))
    assert run_shard(str(shard), 1) == End(shard.name, "stopped")
    ask_no_more(sweep)
    ask_no_more(sweep)
    working(monkeypatch, lambda shard, stop: "failed")
    assert run_shard(str(shard), 1) == End(shard.name, "failed")


def test_an_interrupt_asks_to_stop_and_what_is_kept_is_waited_for(shard, monkeypatch) -> None:
    kept = []

    def work(shard: Path, stop: threading.Event) -> str:
        # One more where the first is lost, as happens to one that comes while Python runs a finaliser.
        for _ in range(5):
            time.sleep(0.2)
            _thread.interrupt_main()
            if stop.wait(4):
                break
        time.sleep(0.2)
        kept.append(True)
        return "stopped" if stop.is_set() else "finished"

    working(monkeypatch, work)
    assert run_shard(str(shard), 1) == End(shard.name, "stopped") and kept


def test_whoever_is_free_meanwhile_can_have_it_kept(shard, monkeypatch) -> None:
    working(monkeypatch, until_asked)
    attempt = Attempt(shard, 1)
    threading.Timer(0.2, attempt.stop, [10.0]).start()
    assert attempt.run() == End(shard.name, "stopped")
