"""Sweeps by SLURM: the same bits, whoever dies. By submitit's own processes, and by programs that do as SLURM's do."""

import importlib.util
import io
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from pyvae.sweeps.engines import queues, workers_named
from pyvae.sweeps.engines.slurm import JOBS, SCRATCH, Slurm
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import FOLDER
from pyvae.sweeps.planning.config import SweepConfig
from pyvae.sweeps.run import run_sweep
from tests.sweeps.engines import fake_slurm
from tests.sweeps.engines.started import (
    CONFIG,
    SHARD_SIZE,
    assert_same,
    continued,
    copied,
    ended,
    eventually,
    started,
    starts,
    training,
)

with_submitit = pytest.mark.skipif(
    importlib.util.find_spec("submitit") is None,
    reason="needs submitit, which is not installed: pip install 'pyvae-torch[slurm]'",
)
HERE = ("--engine", "slurm", "--slurm", "cluster=local", "--workers", "2", "--threads", "1")


@with_submitit
def test_a_job_is_killed_and_another_has_to_make_room(alone, tmp_path) -> None:
    """SIGUSR2 is what SLURM sends before it ends a job; submitit then begins it again, from the pickle it was given."""
    out = tmp_path / "sweep"
    sweep = started(out, alone, *HERE)
    (lost, killed), (moved, told) = eventually(lambda: len(found := training(out)) == 2 and found.items(), sweep)
    os.kill(told, signal.SIGUSR2)
    os.kill(killed, signal.SIGKILL)
    said = ended(sweep)
    assert said.count("it goes on from what it kept") == 1 and f"shard {lost}: its job" in said
    for shard in (lost, moved):
        assert continued(out / FOLDER / shard) and len(starts(out / FOLDER / shard)) == 2
    assert_same(out, alone)


@with_submitit
def test_jobs_are_taken_over_from_a_coordinator_that_was_killed(alone, tmp_path) -> None:
    out = tmp_path / "sweep"
    sweep = started(out, alone, *HERE)
    eventually(lambda: len(training(out)) == 2, sweep)
    sweep.kill()
    sweep.communicate()
    held = json.loads((out / SCRATCH / JOBS).read_text())
    assert len(held) == 2
    ended(started(out, alone, *HERE))
    assert [len(starts(shard)) for shard in (out / FOLDER).iterdir()] == [1, 1]
    assert_same(out, alone)


@with_submitit
def test_who_asks_to_stop_has_everything_kept(alone, tmp_path) -> None:
    out = tmp_path / "sweep"
    sweep = started(out, alone, *HERE)
    shards = eventually(lambda: len(found := training(out)) == 2 and found, sweep)
    sweep.terminate()
    assert "stopped; 0 of 4 cells are finished and kept" in ended(sweep, 130)
    assert [path.name for path in (out / SCRATCH).iterdir()] == [JOBS]
    assert json.loads((out / SCRATCH / JOBS).read_text()) == {}
    assert not any(Path(f"/proc/{process}/cmdline").exists() for process in shards.values())
    ended(started(out, alone, *HERE))
    assert all(continued(out / FOLDER / shard) for shard in shards)
    assert_same(out, alone)


# --- Programs that do as SLURM's do -----------------------------------------------------------------------------------


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> Path:
    """The folder of a SLURM that is asked often."""
    folder = tmp_path / "slurm"
    monkeypatch.setenv("PATH", str(fake_slurm.installed(folder)), prepend=os.pathsep)
    monkeypatch.setattr(queues, "ASK_SECONDS", 0.2)
    return folder


def swept(out: Path, *options: str) -> str:
    """What a sweep in this process prints."""
    console = Console(file=io.StringIO(), width=10_000)
    engine = Slurm(2, 1, options)
    run_sweep(SweepConfig.from_yaml(CONFIG), out, engine=engine, shard_size=SHARD_SIZE, console=console)
    return console.file.getvalue()


@with_submitit
def test_a_job_of_an_array_is_killed(alone, tmp_path, slurm) -> None:
    out = copied(tmp_path / "sweep", alone)
    killed: dict[str, int] = {}

    def kill() -> None:
        while not (found := training(out)):
            time.sleep(0.01)
        killed.update([next(iter(found.items()))])
        os.kill(*killed.values(), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    said = swept(out, "partition=cpu", "time=1:30:00", "exclusive", "setup=true")
    (shard,) = killed
    assert f"shard {shard}: its job 1_" in said and "it goes on from what it kept" in said
    assert continued(out / FOLDER / shard)
    assert_same(out, alone)
    first, second = ((slurm / f"{number}.sh").read_text() for number in (1, 2))
    for line in (
        "--partition=cpu",
        "--time=90",
        "--exclusive",
        "--cpus-per-task=1",
        "--array=0-1%2",
        "--job-name=pyvae",
    ):
        assert f"#SBATCH {line}\n" in first
    assert "\ntrue\n" in first and "--array" not in second
    assert {path.name for path in (out / SCRATCH).iterdir()} <= {
        JOBS,
        *(f"1_{k}_0_log.{e}" for k in "01" for e in ("out", "err")),
    }


@with_submitit
def test_jobs_that_wait_are_withdrawn(alone, tmp_path, slurm, monkeypatch) -> None:
    (slurm / "hold").touch()
    out = copied(tmp_path / "sweep", alone)
    engine = Slurm(2, 1).opened(out)
    for shard in ("0123456789ab", "ba9876543210"):
        (out / FOLDER / shard).mkdir(parents=True)
        (out / FOLDER / shard / "order.json").write_text("{}")
        engine.start(shard)
    assert engine.wait(0.5) == [] and len(list((slurm / "jobs").iterdir())) == 2
    engine.stop()
    ends = []
    while len(ends) < 2:
        ends += engine.wait(1.0)
    assert {end.kind for end in ends} == {"stopped"} and not list((slurm / "jobs").iterdir())
    engine.close()


@with_submitit
def test_what_sbatch_refuses_stops_the_sweep_with_its_words(alone, tmp_path, slurm) -> None:
    with pytest.raises(SweepError, match=r"because no job could be submitted: .*QOSMaxSubmitJobPerUserLimit; 0 of 4"):
        swept(copied(tmp_path / "sweep", alone), "partition=full")


# --- Refusals ---------------------------------------------------------------------------------------------------------


def test_a_submitit_that_is_not_there_is_a_sentence(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(SweepError, match=r"needs submitit, which is not installed: pip install 'pyvae-torch\[slurm\]'"):
        workers_named("slurm")


@with_submitit
def test_a_machine_without_slurm_is_a_sentence(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SweepError, match="needs the command sbatch, which is not on the path"):
        workers_named("slurm")


def test_options_of_another_engine_are_refused() -> None:
    with pytest.raises(SweepError, match="slurm is for engine slurm alone, got it with engine local"):
        workers_named("local", slurm=["partition=cpu"])
    with pytest.raises(SweepError, match="address is for engine ray alone, got it with engine slurm"):
        workers_named("slurm", address="auto")
    with pytest.raises(SweepError, match="engine must be one of local, ray, slurm, got spark"):
        workers_named("spark")
