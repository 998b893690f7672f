"""Whole sweeps, worked at in this process: the same bits however they are packed, stopped, killed and grown."""

import io
import json
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from safetensors import SafetensorError

from pyvae.errors import Interrupted
from pyvae.metrics.estimators.threads import one_thread_of_torch
from pyvae.studies import study_named
from pyvae.studies.run import run_study
from pyvae.sweeps import run as running
from pyvae.sweeps import work as working
from pyvae.sweeps.coordinator import Limits, order_of
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.folder import claimed
from pyvae.sweeps.names import FAILURE, FOLDER, LOG, ORDER, ROWS
from pyvae.sweeps.planning.plan import SweepConfig, plan_of
from pyvae.sweeps.run import planned, run_sweep
from pyvae.training.choice import Ways, found_here, settled
from tests.sweeps.here import Here
from tests.sweeps.tiny import SETTINGS, tiny


def sweep(config: SweepConfig, out: Path, *, shard_size: int = 4, **more) -> pa.Table:
    more = {"engine": Here(), "console": Console(file=io.StringIO()), **more}
    run_sweep(config, out, shard_size=shard_size, **more)
    return pq.read_table(out / "results.parquet")


def values(table: pa.Table) -> list[dict[str, object]]:
    """Rows but for the shard, which says how cells were packed."""
    return table.drop_columns(["shard"]).to_pylist()


@pytest.fixture(autouse=True)
def no_report(monkeypatch) -> None:
    """The page has tests of its own."""
    monkeypatch.setattr(running, "_report", lambda folder, console: None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(running, "_report", lambda folder, console: None)
        return values(sweep(tiny(), tmp_path_factory.mktemp("whole") / "sweep"))


def test_every_cell_has_its_row_with_its_values(whole) -> None:
    plan = plan_of(tiny())
    assert [row["cell"] for row in whole] == [cell.id for cell in plan.cells] and len(whole) == 8
    for row, cell in zip(whole, plan.cells, strict=True):
        assert (row["beta"], row["seed"]) == (cell.values["strengths"], cell.values["seeds"])
        assert row["learning_rate"] == cell.values["learning_rate"]
        assert row["status"] == "finished" and row["reason"] is None and row["finite"]


def test_a_cell_is_what_the_study_makes_of_it(whole, tmp_path) -> None:
    study = study_named("vae")
    config = study.preset("quick").replaced(**SETTINGS, strengths=[4.0], learning_rate=1e-2, seeds=[1])
    with settled(Ways(found_here().steps, "own")), one_thread_of_torch():
        run_study(study, config, tmp_path, console=Console(file=io.StringIO()))
    (mine,) = study.table(tmp_path).to_pylist()
    (row,) = [one for one in whole if (one["beta"], one["learning_rate"], one["seed"]) == (4.0, 1e-2, 1)]
    assert {name: row[name] for name in mine} == mine


@pytest.mark.parametrize("size", [1, 2, 3])
def test_bits_do_not_depend_on_how_cells_are_packed(whole, tmp_path, size) -> None:
    assert values(sweep(tiny(), tmp_path / "sweep", shard_size=size)) == whole


def test_the_same_command_computes_nothing_again(tmp_path) -> None:
    out, engine = tmp_path / "sweep", Here()
    sweep(tiny(), out, engine=engine)
    before = {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.rglob("*.parquet") if "run" in path.parts
    }
    assert len(engine.started) == 2
    sweep(tiny(), out, engine=engine)
    assert len(engine.started) == 2
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before


def test_a_sweep_that_is_stopped_goes_on(whole, tmp_path, monkeypatch) -> None:
    out, stop = tmp_path / "sweep", threading.Event()
    engine = Here(before=lambda shard: engine._stop.set() or stop.set())
    monkeypatch.setattr("pyvae.sweeps.run.stop_on_signal", lambda console: _given(stop))
    with pytest.raises(Interrupted, match=r"0 of 8 cells are finished and kept, .* the same command goes on"):
        sweep(tiny(), out, engine=engine)
    assert len(engine.started) == 1
    stop.clear()
    assert values(sweep(tiny(), out)) == whole


class _given:
    def __init__(self, event: threading.Event) -> None:
        self.event = event

    def __enter__(self) -> threading.Event:
        return self.event

    def __exit__(self, *problem: object) -> None:
        pass


def test_values_seeds_and_steps_are_added_on_top(whole, tmp_path) -> None:
    out = tmp_path / "sweep"
    first = tiny({"strengths": [1.0], "learning_rate": [1e-3, 1e-2], "seeds": [0]}, steps=16)
    sweep(first, out)
    engine = Here()
    assert values(sweep(tiny(), out, engine=engine)) == whole
    logs = [(out / FOLDER / name / LOG).read_text() for name in engine.started]
    assert sum("from step 16" in log for log in logs) == 2


def test_what_changed_is_refused_with_what_changed(tmp_path) -> None:
    out = tmp_path / "sweep"
    sweep(tiny({"strengths": [1.0, 4.0], "seeds": [0]}, steps=16), out)
    kept = (out / "results.parquet").read_bytes()
    with pytest.raises(SweepError, match="hidden"):
        sweep(tiny({"strengths": [1.0, 4.0], "seeds": [0]}, steps=16, hidden=[32]), out)
    with pytest.raises(SweepError, match=r"strengths"):
        sweep(tiny({"strengths": [1.0], "seeds": [0]}, steps=16), out)
    assert (out / "results.parquet").read_bytes() == kept


def test_more_steps_are_refused_where_they_would_change_the_past(tmp_path) -> None:
    axes, endless = {"strengths": [1.0], "seeds": [0]}, {"data": "block-grid", "likelihood": "gaussian"}
    given = {**SETTINGS, **endless, "objective": "beta-tcvae"}
    sweep(SweepConfig("vae", "quick", {**given, "steps": 16}, axes), tmp_path / "sweep")
    with pytest.raises(SweepError, match="steps must stay what they were, because dataset_size of the objective"):
        sweep(SweepConfig("vae", "quick", {**given, "steps": 32}, axes), tmp_path / "sweep")
    assert (tmp_path / "sweep" / "results.parquet").exists()
    assert list((tmp_path / "sweep").glob(f"{FOLDER}/*/{ROWS}"))


def test_a_worker_that_is_left_over_writes_no_rows_of_what_was_asked_before(tmp_path, monkeypatch) -> None:
    axes, out, real = {"strengths": [1.0], "seeds": [0]}, tmp_path / "sweep", working.train_and_evaluate

    def grown_meanwhile(*given, **more) -> None:
        real(*given, **more)
        (out / FOLDER / engine.started[-1] / ORDER).unlink()  # as a sweep does that goes on with more steps

    engine = Here()
    with monkeypatch.context() as patched:
        patched.setattr(working, "train_and_evaluate", grown_meanwhile)
        assert working.work(_ordered(tiny(axes, steps=16), out, engine), threading.Event()) == "stopped"
    assert not list(out.glob(f"{FOLDER}/*/{ROWS}"))
    assert len(sweep(tiny(axes, steps=32), out)) == 1


def _ordered(config: SweepConfig, out: Path, engine: Here) -> Path:
    """A shard that has its order, as of a sweep whose coordinator has died since."""
    with claimed(out, config) as (folder, plan):
        running.pack(folder, plan, 1, 1, Console(file=io.StringIO()))
        (name,) = folder.shards()
        order_of(plan, plan.cells, found_here(), {}).write(folder.shard(name))
        engine.started.append(name)
    return folder.shard(name)


# --- What fails -------------------------------------------------------------------------------------------------------


def broken(monkeypatch: pytest.MonkeyPatch, beta: float, seed: int) -> None:
    """Training raises as soon as a shard has this cell in it."""
    real = working.train_and_evaluate

    def raising(study, config, run, **more):
        if any((cell.strength, cell.seed) == (beta, seed) for cell in config.cells()):
            raise RuntimeError("a cell that cannot be trained")
        real(study, config, run, **more)

    monkeypatch.setattr(working, "train_and_evaluate", raising)


def test_a_cell_that_raises_fails_alone_and_says_why(whole, tmp_path, monkeypatch) -> None:
    out = tmp_path / "sweep"
    with monkeypatch.context() as patched:
        broken(patched, 4.0, 1)
        with pytest.raises(SweepError, match=r"2 of 8 cells failed.* 6 of 8 cells are finished and kept"):
            sweep(tiny(), out)
    rows = pq.read_table(out / "results.parquet")
    failed = [row for row in rows.to_pylist() if row["status"] == "failed"]
    assert [row["reason"] for row in failed] == ["RuntimeError: a cell that cannot be trained"] * 2
    for row in failed:
        held = json.loads((out / FOLDER / row["shard"] / FAILURE).read_text())
        assert "Traceback" in held["traceback"] and "a cell that cannot be trained" in held["traceback"]
        assert "a cell that cannot be trained" in (out / FOLDER / row["shard"] / LOG).read_text()
    bad = {row["cell"] for row in failed}
    good = [row for row in values(rows) if row["cell"] not in bad]
    assert good == [row for row in whole if row["cell"] not in bad]
    with pytest.raises(SweepError, match="2 of 8 cells failed"):
        sweep(tiny(), out, engine=(engine := Here()))
    assert not engine.started
    assert values(sweep(tiny(), out, retry_failed=True)) == whole


def test_the_sweep_stops_after_so_many_failures(tmp_path, monkeypatch) -> None:
    broken(monkeypatch, 1.0, 0)
    with pytest.raises(SweepError, match=r"stopped, because 1 cell failed; .* the same command goes on"):
        sweep(tiny(), tmp_path / "sweep", shard_size=1, limits=Limits(failures=1))


def test_a_diverged_cell_has_its_row_and_its_reason(tmp_path) -> None:
    rows = sweep(tiny({"learning_rate": [1e-3, 1e12], "seeds": [0]}, strengths=[1.0]), tmp_path / "sweep").to_pylist()
    assert [row["status"] for row in rows] == ["finished", "diverged"]
    assert "diverged" in rows[1]["reason"] and rows[0]["reason"] is None
    log = (tmp_path / "sweep" / FOLDER / rows[1]["shard"] / LOG).read_text()
    assert "diverged" in log


def test_workers_that_die_are_replaced_until_too_many_have(whole, tmp_path) -> None:
    deaths = []

    def dies(shard: str) -> None:
        if len(deaths) < 3:
            deaths.append(shard)
            raise KeyboardInterrupt

    assert values(sweep(tiny(), tmp_path / "sweep", engine=Here(before=dies))) == whole

    def always(shard: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SweepError, match="2 of 2 cells failed"):
        sweep(tiny({"seeds": [0, 1]}), tmp_path / "other", engine=Here(before=always), limits=Limits(attempts=2))
    reasons = pq.read_table(tmp_path / "other" / "results.parquet")["reason"].to_pylist()
    assert all("2 workers died at it" in reason and "killed" in reason for reason in reasons)


def test_a_full_disk_stops_the_sweep_and_fails_no_cell(whole, tmp_path) -> None:
    def full(shard: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(SweepError, match=r"No space left on device.* 0 of 8 cells are finished"):
        sweep(tiny(), tmp_path / "sweep", engine=Here(before=full))
    assert values(sweep(tiny(), tmp_path / "sweep")) == whole


def test_other_files_are_not_touched(tmp_path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(SweepError, match="holds other files"):
        sweep(tiny(), tmp_path)
    with pytest.raises(SweepError, match="is a file"):
        sweep(tiny(), tmp_path / "thesis.tex" / "sweep")


def test_two_cannot_run_one_sweep(tmp_path) -> None:
    with claimed(tmp_path / "sweep", tiny()), pytest.raises(SweepError, match="another process is running the sweep"):
        sweep(tiny(), tmp_path / "sweep")


def test_a_preset_that_means_something_else_by_now_is_refused(tmp_path, monkeypatch) -> None:
    out = tmp_path / "sweep"
    sweep(tiny(), out)
    presets = study_named("vae").presets
    monkeypatch.setitem(presets, "quick", presets["quick"].replaced(curve_every=7, checkpoint_seconds=77.0))
    with pytest.raises(
        SweepError, match=r"preset quick of vae must be .* of this version checkpoint_seconds was .* 77"
    ):
        sweep(tiny(), out)


def test_what_a_start_would_do_is_told_and_nothing_is_changed(tmp_path) -> None:
    out = tmp_path / "sweep"
    assert planned(tiny(), out) == "8 cells of vae over strengths, learning_rate, seeds" and not out.exists()
    few = tiny({"learning_rate": [1e-3, 1e-2]}, strengths=[1.0, 4.0], seeds=[0])
    assert planned(few, out).startswith("2 cells, 4 models, of vae")
    sweep(tiny(), out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert planned(tiny(), out).endswith(f"in {out} 8 of these are finished and 0 failed")
    assert planned(tiny(steps=64), out).endswith("8 of these are finished, and have more to do now, and 0 failed")
    with pytest.raises(SweepError, match="a sweep can only grow"):
        planned(tiny(steps=16), out)
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_sweep_whose_folder_is_moved_stops_and_lays_it_to_no_cell(tmp_path) -> None:
    out, moved = tmp_path / "sweep", tmp_path / "moved"

    def move(shard: str) -> None:
        out.rename(moved)
        raise FileNotFoundError(2, "No such file or directory", str(out))

    with pytest.raises(SweepError, match=f"out must stay where it is while a sweep runs, but {out} is gone"):
        sweep(tiny(), out, engine=Here(before=move))
    assert not out.exists() and not list(moved.glob(f"{FOLDER}/*/{FAILURE}"))
    assert len(sweep(tiny(), moved)) == 8


def test_a_disk_that_a_library_tells_of_in_its_own_words_fails_no_cell(tmp_path, monkeypatch) -> None:
    told = []

    def full(*arguments, **more):
        told.append("asked")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(working, "train_and_evaluate", full)
    with pytest.raises(SweepError, match=r"No space left on device.*the same command goes on"):
        sweep(tiny(), tmp_path / "sweep")
    assert told == ["asked"] and not list(tmp_path.glob(f"sweep/{FOLDER}/*/{FAILURE}"))


def test_how_it_ended_is_told(tmp_path) -> None:
    console = Console(file=(out := io.StringIO()), width=200)
    sweep(tiny({"learning_rate": [1e-3, 1e30], "strengths": [1.0, 4.0], "seeds": [0]}), tmp_path / "s", console=console)
    assert "4 cells: 2 finished, 2 with a model that diverged\n" in out.getvalue()
