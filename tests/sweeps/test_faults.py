"""What befalls a sweep that is no cell's fault: other workers, its own disk, data that go, starts that are cut off."""

import errno
import io
import json
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pyvae.errors import Interrupted
from pyvae.files import exclusive_lock
from pyvae.studies import StudyError
from pyvae.sweeps import coordinator as coordinating
from pyvae.sweeps import folder as folding
from pyvae.sweeps import run as running
from pyvae.sweeps import work as working
from pyvae.sweeps.coordinator import Limits
from pyvae.sweeps.engines.engine import End
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.folder import SweepFolder
from pyvae.sweeps.names import CELLS, CONFIG, FAILURE, FOLDER, LOCK, RESULTS, ROWS, RUN, WAYS
from pyvae.sweeps.planning.plan import SweepConfig
from pyvae.sweeps.run import planned, run_sweep
from tests.sweeps.here import Here
from tests.sweeps.tiny import tiny

SEEDS = {"seeds": [0, 1]}


@pytest.fixture(autouse=True)
def no_report(monkeypatch) -> None:
    monkeypatch.setattr(running, "_report", lambda folder, console: None)


def sweep(config: SweepConfig, out: Path, **more) -> pa.Table:
    run_sweep(config, out, **{"engine": Here(), "shard_size": 4, "console": Console(file=io.StringIO()), **more})
    return pq.read_table(out / RESULTS)


def of_seeds(*seeds: int, **settings) -> SweepConfig:
    return tiny({"seeds": list(seeds)}, strengths=[1.0], **settings)


def failures(out: Path) -> list[Path]:
    return list(out.glob(f"{FOLDER}/*/{FAILURE}"))


# --- Other workers ----------------------------------------------------------------------------------------------------


def test_a_sweep_grows_only_once_no_worker_of_an_earlier_start_is_left(tmp_path, monkeypatch) -> None:
    out = tmp_path / "sweep"
    sweep(of_seeds(0), out)
    (shard,) = SweepFolder(out).shards()
    monkeypatch.setattr(folding, "PATIENCE_SECONDS", 0.3)
    with exclusive_lock(out / FOLDER / shard / LOCK), pytest.raises(SweepError, match=r"one is still at .*: end it"):
        sweep(of_seeds(0, steps=64), out)
    assert (out / FOLDER / shard / ROWS).exists()
    assert sweep(of_seeds(0, steps=64), out)["steps_taken"].to_pylist() == [64]


def test_who_else_is_at_a_shard_is_waited_for_and_never_counted(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(working, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(coordinating, "HELD_SECONDS", 0.1)
    tries, out = [], tmp_path / "sweep"

    class Other(Here):
        """Somebody is at the shard, then at its run, for three tries each."""

        def wait(self, seconds: float) -> list[End]:
            (shard,) = self._todo
            tries.append(shard)
            held = out / FOLDER / shard / ("" if len(tries) <= 3 else RUN) / LOCK
            if len(tries) > 6:
                return super().wait(seconds)
            with exclusive_lock(held):
                return super().wait(seconds)

    assert len(sweep(of_seeds(0), out, engine=Other(), limits=Limits(attempts=2))) == 1
    assert len(tries) == 7 and not failures(out)


def test_a_worker_that_somebody_else_stops_counts_as_lost(tmp_path) -> None:
    class Stopped(Here):
        def wait(self, seconds: float) -> list[End]:
            return [End(self._todo.pop(0), "stopped")]

    engine = Stopped()
    with pytest.raises(SweepError, match="1 of 1 cells failed"):
        sweep(of_seeds(0), tmp_path / "sweep", engine=engine, limits=Limits(attempts=3))
    assert len(engine.started) == 3


# --- The coordinator's own disk ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["while it runs", "at the end"])
def test_results_that_cannot_be_written_stop_the_sweep_and_workers_keep_what_they_have(
    tmp_path, monkeypatch, when
) -> None:
    real, calls = coordinating.write_results, []

    def full(folder: Path) -> Path:
        calls.append(folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    if when == "while it runs":
        monkeypatch.setattr(coordinating, "MERGE_SECONDS", -1.0)
        monkeypatch.setattr(coordinating, "MERGE_SHARE", 1e12)
    monkeypatch.setattr(coordinating, "write_results", full)
    with pytest.raises(SweepError, match=r"the sweep stopped, because .*No space left on device.*the same command"):
        sweep(tiny(), tmp_path / "sweep")
    assert calls and not failures(tmp_path / "sweep")
    monkeypatch.setattr(coordinating, "write_results", real)
    assert len(sweep(tiny(), tmp_path / "sweep")) == 8


def test_an_order_that_cannot_be_written_stops_the_sweep(tmp_path, monkeypatch) -> None:
    def full(*arguments) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(coordinating.Order, "write", full)
    with pytest.raises(SweepError, match="No space left on device"):
        sweep(of_seeds(0), tmp_path / "sweep")


def test_a_stop_that_comes_as_the_last_shard_ends_is_none(tmp_path, monkeypatch) -> None:
    told = []
    monkeypatch.setattr(running, "_report", lambda folder, console: told.append("report"))
    monkeypatch.setattr(running, "stop_on_signal", lambda console: _Stopping())
    sweep(of_seeds(0), tmp_path / "sweep", engine=Here(before=lambda shard: _Stopping.stop.set()))
    assert told == ["report"]
    with pytest.raises(Interrupted):
        sweep(tiny(), tmp_path / "other", engine=Here(before=lambda shard: _Stopping.stop.set()))


class _Stopping:
    """Stops as soon as the first shard begins, which is not told of it."""

    stop = threading.Event()

    def __enter__(self) -> threading.Event:
        self.stop.clear()
        return self.stop

    def __exit__(self, *problem: object) -> None:
        pass


# --- Data -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.npz"
    np.savez(path, images=np.random.default_rng(0).random((64, 16, 16), np.float32))
    return path


def test_data_that_are_gone_are_refused_at_the_start(tmp_path, data) -> None:
    config, out = of_seeds(0, 1, data="arrays", data_path=str(data)), tmp_path / "sweep"
    with pytest.raises(SweepError, match="the sweep stopped"):
        sweep(config, out, shard_size=1, engine=Here(before=lambda shard: data.unlink()))
    assert not failures(out)
    for start in (lambda: sweep(config, out), lambda: planned(config, out)):
        with pytest.raises(StudyError, match=f"there is no {data} now"):
            start()


def test_data_that_change_while_it_runs_stop_it(tmp_path, data) -> None:
    config, out = of_seeds(0, 1, data="arrays", data_path=str(data)), tmp_path / "sweep"
    before = data.read_bytes()

    def change(shard: str) -> None:
        if len(engine.started) == 2:
            data.write_bytes(before + b" ")

    engine = Here(before=change)
    with pytest.raises(SweepError, match=f"the sweep stopped, because data_path must hold .* but {data} has changed"):
        sweep(config, out, shard_size=1, engine=engine)
    assert not failures(out)
    data.write_bytes(before)
    assert len(sweep(config, out)) == 2


# --- Starts that are cut off, files that are damaged ------------------------------------------------------------------


@pytest.mark.parametrize("grown", [of_seeds(0, 1), of_seeds(0, steps=64)], ids=["seeds", "steps"])
def test_growth_that_was_cut_off_may_be_given_up(tmp_path, monkeypatch, grown) -> None:
    out, real = tmp_path / "sweep", SweepFolder.write_config
    whole = sweep(of_seeds(0), out).to_pylist()

    def killed(*arguments) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SweepFolder, "write_config", killed)
    with pytest.raises(KeyboardInterrupt):
        sweep(grown, out)
    monkeypatch.setattr(SweepFolder, "write_config", real)
    assert sweep(of_seeds(0), out).to_pylist() == whole
    assert len(pq.read_table(out / CELLS)) == 1
    assert len(sweep(grown, out)) == len(pq.read_table(out / CELLS))


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"steps": 1'])
@pytest.mark.parametrize("name", [WAYS, CONFIG, "data.json"])
def test_a_damaged_file_is_one_sentence(tmp_path, name, content) -> None:
    out = tmp_path / "sweep"
    sweep(of_seeds(0), out)
    (out / name).write_text(content)
    if (name, content) in ((CONFIG, "{}"), ("data.json", "{}")):
        return  # as if there were none
    with pytest.raises((SweepError, StudyError), match=f"{name} is damaged") as caught:
        sweep(of_seeds(0), out)
    assert "\n" not in str(caught.value)


def test_an_error_that_is_gone_is_told_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(working, "_run", lambda *arguments: json.loads("{"))
    real = coordinating._error_of

    def gone(shard: Path) -> tuple[str, str]:
        (shard / "error.json").unlink()
        return real(shard)

    monkeypatch.setattr(coordinating, "_error_of", gone)
    with pytest.raises(SweepError, match="1 of 1 cells failed"):
        sweep(of_seeds(0), tmp_path / "sweep")
    (failure,) = failures(tmp_path / "sweep")
    assert "see its log" in json.loads(failure.read_text())["reason"]
