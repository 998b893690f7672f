"""Whether jobs are over, by what SLURM says and what lies on the disk."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyvae.sweeps.engines import queues
from pyvae.sweeps.engines.queues import Squeue


def job(job_id: str) -> Any:
    return SimpleNamespace(job_id=job_id, paths=SimpleNamespace(result_pickle=Path(f"{job_id}_0_result.pkl")))


class Slurm:
    """What squeue says in turn; None where it does not answer."""

    def __init__(self, *told: str | None) -> None:
        self.told, self.commands = list(told), []

    def __call__(self, command: list[str], **more: object) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if command[0] == "scancel":
            return subprocess.CompletedProcess(command, 0, "", "")
        if (told := self.told.pop(0)) is None:
            raise subprocess.TimeoutExpired(command, 60)
        return subprocess.CompletedProcess(command, 0, told, "")


@pytest.fixture
def asked(monkeypatch, tmp_path) -> Any:
    def make(*told: str | None) -> tuple[Squeue, Slurm]:
        slurm = Slurm(*told)
        monkeypatch.setattr(queues, "ASK_SECONDS", -1.0)
        monkeypatch.setattr(subprocess, "run", slurm)
        return Squeue(tmp_path), slurm

    return make


def test_a_job_is_over_once_it_has_been_gone_twice(asked) -> None:
    running = "7_0 RUNNING\n7_1 PENDING\n8 COMPLETING\n9 RUNNING"
    queue, _ = asked(running, "7_0 REQUEUED\n8 COMPLETED", None, "7_0 RUNNING\n7_1 PENDING\n8 COMPLETED", running)
    jobs = [job("7_0"), job("7_1"), job("8")]
    assert [queue.over(jobs, once=False) for _ in range(3)] == [set(), set(), set()]
    assert queue.over(jobs, once=False) == {"8"} and queue.why(jobs[2]) == "COMPLETED"
    assert queue.over(jobs, once=False) == set()


def test_one_look_is_enough_for_who_asks_to_stop(asked) -> None:
    queue, _ = asked("7 RUNNING\n8 CANCELLED")
    assert queue.over([job("7"), job("8"), job("9")], once=True) == {"8", "9"}


def test_a_result_is_seen_without_slurm(asked, tmp_path) -> None:
    queue, _ = asked(None)
    (tmp_path / "7_0_result.pkl").touch()
    assert queue.over([job("7"), job("8")], once=True) == {"7"}


def test_slurm_is_asked_now_and_then(asked, monkeypatch) -> None:
    queue, slurm = asked("7 RUNNING", "7 RUNNING")
    monkeypatch.setattr(queues, "ASK_SECONDS", 60.0)
    for _ in range(5):
        assert queue.over([], once=False) == queue.over([job("7")], once=False) == set()
    assert len(slurm.commands) == 1
    queue.withdraw([job("7")])
    queue.over([job("7")], once=False)
    assert [command[0] for command in slurm.commands] == ["squeue", "scancel", "squeue"]
    queue.end([])
    queue.end([job("7"), job("8_1")])
    assert slurm.commands[1] == ["scancel", "--quiet", "--state=PENDING", "7"]
    assert slurm.commands[3:] == [["scancel", "--quiet", "7", "8_1"]]
