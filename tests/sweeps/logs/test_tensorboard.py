"""A sweep as TensorBoard reads it: every model once, however the sweep came to its end."""

import ast
import importlib.util
import io
import math
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

import pyvae
from pyvae.files import TEMPORARY_MARK, atomic_write_bytes
from pyvae.sweeps import run as running
from pyvae.sweeps import work as working
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.logs import NAMES, logs_named
from pyvae.sweeps.names import FOLDER
from pyvae.sweeps.planning.plan import Best, SweepConfig, plan_of
from pyvae.sweeps.run import run_sweep
from tests.sweeps.here import Here
from tests.sweeps.tiny import tiny

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None,
    reason="needs TensorBoard, which is not installed: pip install 'pyvae-torch[tensorboard]'",
)
AXES = {"learning_rate": [1e-3, 1e12], "strengths": [1.0, 4.0], "seeds": [0]}
"""Two models that end well and two that diverge."""
SMALL = {"strengths": [1.0], "learning_rate": [1e-3, 1e-2], "seeds": [0]}


def swept(out: Path, config: SweepConfig, *, log: tuple[str, ...] = NAMES, size: int = 4, **more) -> Path:
    """Runs a sweep, and gives what TensorBoard is shown."""
    given = {"engine": Here(), "console": Console(file=io.StringIO()), **more}
    run_sweep(config, out, shard_size=size, log=log, **given)
    return out / "tensorboard"


def written(log: Path) -> dict[str, bytes]:
    """Every file of a log."""
    return {str(path.relative_to(log)): path.read_bytes() for path in log.rglob("*") if path.is_file()}


def events(run: Path):
    """A run as TensorBoard's own reader has it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(run)).Reload()


def scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    held = events(run)
    return {tag: [(event.step, event.value) for event in held.Scalars(tag)] for tag in held.Tags()["scalars"]}


def entry(run: Path) -> tuple[dict[str, object], bool]:
    """A run's settings in HPARAMS, and whether it is said to have ended well."""
    from tensorboard.plugins.hparams import api_pb2, metadata

    held = events(run)
    start = metadata.parse_session_start_info_plugin_data(_content(held, metadata.SESSION_START_INFO_TAG))
    end = metadata.parse_session_end_info_plugin_data(_content(held, metadata.SESSION_END_INFO_TAG))
    assert start.group_name == run.name
    return {name: _value(start.hparams[name]) for name in start.hparams}, end.status == api_pb2.STATUS_SUCCESS


def columns(log: Path) -> tuple[dict[str, bool], list[str]]:
    """The settings that HPARAMS has columns of, whether each differs, and the measures."""
    from tensorboard.plugins.hparams import metadata

    (run,) = log.glob("hparams-*")
    experiment = metadata.parse_experiment_plugin_data(_content(events(run), metadata.EXPERIMENT_TAG))
    settings = {info.name: info.differs for info in experiment.hparam_infos}
    return settings, [info.name.tag for info in experiment.metric_infos]


def _content(held, tag: str) -> bytes:
    return held.SummaryMetadata(tag).plugin_data.content


def _value(value) -> object:
    return getattr(value, value.WhichOneof("kind"))


@pytest.fixture(autouse=True)
def no_report(monkeypatch) -> None:
    monkeypatch.setattr(running, "_report", lambda folder, console: None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A sweep that ran to its end in one go, logged."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(running, "_report", lambda folder, console: None)
        out = tmp_path_factory.mktemp("whole") / "sweep"
        swept(out, tiny(AXES, Best("squared_error", largest=False)))
        yield out


def test_every_model_has_its_run_with_its_curves_and_measures(whole) -> None:
    log = whole / "tensorboard"
    rows = pq.read_table(whole / "results.parquet").to_pylist()
    cells = {cell.id: cell.values for cell in plan_of(tiny(AXES)).cells}
    names = {f"learning_rate={v['learning_rate']:g},strengths={v['strengths']:g},seeds=0-{k}" for k, v in cells.items()}
    assert {run.name for run in log.iterdir() if "=" in run.name} == names and len(names) == 4
    for row in rows:
        (run,) = log.glob(f"*-{row['cell']}")
        seen, curves = scalars(run), whole / FOLDER / row["shard"] / "run" / "curves.parquet"
        for split in ("train", "validation"):
            for name in ("loss", "elbo", "kl", "reconstruction"):
                expected = [
                    (point["step"], pytest.approx(point[name], rel=1e-6))
                    for point in pq.read_table(curves).to_pylist()
                    if point["split"] == split and point["beta"] == row["beta"] and point[name] is not None
                ]
                assert seen.get(f"{split}/{name}", []) == expected
        measures = {tag.removeprefix("final/"): values for tag, values in seen.items() if tag.startswith("final/")}
        assert measures["finite"] == [(row["steps_taken"], float(row["finite"]))]
        assert {"mean_kl", "squared_error", "steps_taken"} & {*measures} == (
            {"mean_kl", "squared_error", "steps_taken"} if row["finite"] else {"steps_taken"}
        )
        assert measures == {
            name: [(row["steps_taken"], pytest.approx(float(row[name]), rel=1e-6))] for name in measures
        }
        settings = {"learning_rate": row["learning_rate"], "strengths": row["strengths"], "seeds": 0}
        assert entry(run) == (settings, row["finite"])


def test_hparams_has_columns_for_the_axes_and_for_what_was_measured_the_best_first(whole) -> None:
    settings, measures = columns(whole / "tensorboard")
    assert settings == {"learning_rate": True, "strengths": True, "seeds": False}
    assert measures[0] == "final/squared_error" and {"final/mean_kl", "final/steps_taken", "final/finite"} < {*measures}


def test_tensorboards_own_table_has_every_model(whole) -> None:
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

    held = plugin_event_multiplexer.EventMultiplexer()
    held.AddRunsFromDirectory(str(whole / "tensorboard"))
    held.Reload()
    provider = data_provider.MultiplexerDataProvider(held, str(whole / "tensorboard"))
    context = backend_context.Context(TBContext(data_provider=provider))
    asked = api_pb2.ListSessionGroupsRequest(
        slice_size=100, allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE]
    )
    groups = list_session_groups.Handler(RequestContext(), context, "", asked).run().session_groups
    values = {group.name: {value.name.tag: value.value for value in group.metric_values} for group in groups}
    rows = {row["cell"]: row for row in pq.read_table(whole / "results.parquet").to_pylist()}
    assert {name.rpartition("-")[2] for name in values} == {*rows}
    for name, found in values.items():
        row = rows[name.rpartition("-")[2]]
        assert found.get("final/mean_kl") == (pytest.approx(row["mean_kl"], rel=1e-6) if row["finite"] else None)


def test_what_is_written_depends_on_the_results_alone(whole, tmp_path, monkeypatch) -> None:
    """Not on how cells were packed, nor on how often the log was brought up to date meanwhile."""
    best = Best("squared_error", largest=False)
    monkeypatch.setattr("pyvae.sweeps.coordinator.MERGE_SECONDS", 0.0)
    monkeypatch.setattr("pyvae.sweeps.coordinator.MERGE_SHARE", math.inf)
    other = swept(tmp_path / "sweep", tiny(AXES, best), size=1)
    assert written(other) == written(whole / "tensorboard")


def test_a_log_is_written_once(whole) -> None:
    log, best = whole / "tensorboard", Best("squared_error", largest=False)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in log.rglob("*")}
    swept(whole, tiny(AXES, best))
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in log.rglob("*")} == before


def test_a_log_is_made_again_whoever_died_while_it_was_written(whole, tmp_path, monkeypatch) -> None:
    (opened,) = logs_named(NAMES)
    expected = written(whole / "tensorboard")
    out = tmp_path / "sweep"
    shutil.copytree(whole, out, ignore=shutil.ignore_patterns("tensorboard"))
    for writes in range(len(expected)):
        with monkeypatch.context() as patched:
            dies_after(patched, writes)
            with pytest.raises(KeyboardInterrupt):
                opened(out).update()
        there = {name: held for name, held in written(out / "tensorboard").items() if "tfevents" in name}
        assert there.items() <= expected.items() and len(there) == writes
        opened(out).update()
        assert written(out / "tensorboard") == expected
        shutil.rmtree(out / "tensorboard")


def dies_after(patched: pytest.MonkeyPatch, writes: int) -> None:
    """Dies in the write after so many, as by kill -9: what is there by then stays."""
    from pyvae.sweeps.logs import tensorboard

    done: list[Path] = []

    def write(path: Path, held: bytes) -> None:
        done.append(path)
        if len(done) <= writes:
            return atomic_write_bytes(path, held)
        path.parent.mkdir(exist_ok=True)
        path.with_name(f".{path.stem}{TEMPORARY_MARK}0123").write_bytes(held[:10])
        raise KeyboardInterrupt

    patched.setattr(tensorboard, "atomic_write_bytes", write)


def test_a_sweep_that_was_begun_without_it_and_grows_ends_with_the_same_log(tmp_path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    grown = tiny({**SMALL, "batch_size": [16, 32]})
    expected = swept(one, grown)
    log = swept(other, tiny(SMALL, steps=16), log=())
    assert not log.exists()
    swept(other, tiny(SMALL, steps=16))
    assert {values[-1][0] for run in log.glob("*=*") for values in scalars(run).values()} == {16}
    (log / "notes.txt").write_text("mine")
    swept(other, tiny(SMALL), log=())  # trained further, and the log is not
    swept(other, grown)
    assert (log / "notes.txt").exists()
    (log / "notes.txt").unlink()
    assert written(log) == written(expected)
    assert sum("=" in path.name for path in log.iterdir()) == 4
    assert {values[-1][0] for run in log.glob("*=*") for values in scalars(run).values()} == {32}


def test_a_cell_that_failed_has_its_entry_without_numbers_until_it_is_tried_again(tmp_path, monkeypatch) -> None:
    out, real = tmp_path / "sweep", working.train_and_evaluate

    def raising(study, config, run, **more):
        if config.values()["learning_rate"] == 1e-2:
            raise RuntimeError("a cell that cannot be trained")
        real(study, config, run, **more)

    with monkeypatch.context() as patched:
        patched.setattr(working, "train_and_evaluate", raising)
        with pytest.raises(SweepError, match="1 of 2 cells failed"):
            swept(out, tiny(SMALL))
    (run,) = (out / "tensorboard").glob("strengths=1,learning_rate=0.01,seeds=0-*")
    assert scalars(run) == {} and entry(run) == ({"strengths": 1.0, "learning_rate": 0.01, "seeds": 0}, False)
    swept(out, tiny(SMALL), retry_failed=True)
    assert len([*run.iterdir()]) == 1 and scalars(run)["final/finite"] == [(32, 1.0)] and entry(run)[1]


def test_models_of_one_cell_have_a_run_each(tmp_path) -> None:
    log = swept(tmp_path / "sweep", tiny({"learning_rate": [1e-3]}, strengths=[1.0, 4.0], seeds=[0]))
    names = sorted(path.name.rpartition("=")[2] for path in log.glob("*=*"))
    (cell,) = plan_of(tiny({"learning_rate": [1e-3]}, strengths=[1.0, 4.0], seeds=[0])).cells
    assert names == [f"1-{cell.id}-0", f"4-{cell.id}-1"]
    losses = [scalars(run)["train/loss"] for run in sorted(log.glob("*=*"))]
    assert losses[0] != losses[1] and [entry(run)[0]["beta"] for run in sorted(log.glob("*=*"))] == [1.0, 4.0]
    assert columns(log)[0] == {"learning_rate": False, "beta": True}


def test_a_damaged_curve_is_told_and_one_that_is_gone_is_not_missed(whole, tmp_path) -> None:
    (opened,) = logs_named(NAMES)
    shutil.copytree(whole, out := tmp_path / "sweep", ignore=shutil.ignore_patterns("tensorboard"))
    for path in out.glob(f"{FOLDER}/*/run/curves.parquet"):
        path.write_bytes(b"nothing of the kind")
    with pytest.raises(SweepError, match=r"curves.parquet is damaged, delete it"):
        opened(out).update()
    for path in out.glob(f"{FOLDER}/*/run/curves.parquet"):
        path.unlink()
    opened(out).update()
    assert {tag.partition("/")[0] for run in (out / "tensorboard").glob("*=*") for tag in scalars(run)} == {"final"}


# --- Who may ask for it -----------------------------------------------------------------------------------------------


def test_without_the_package_nothing_runs_and_a_sentence_says_what_to_install(tmp_path, monkeypatch) -> None:
    for name in [*sys.modules]:
        if name.startswith(("tensorboard", "pyvae.sweeps.logs.")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(SweepError, match=r'log tensorboard needs TensorBoard.* pip install "pyvae-torch\[tensorboard'):
        swept(tmp_path / "sweep", tiny(SMALL))
    assert not (tmp_path / "sweep").exists()


def test_an_unknown_log_is_refused_with_those_there_are(tmp_path) -> None:
    with pytest.raises(SweepError, match="log must be one of tensorboard, got wandb"):
        swept(tmp_path / "sweep", tiny(SMALL), log=("tensorboard", "wandb"))
    assert not (tmp_path / "sweep").exists()


def test_only_its_own_file_imports_it_and_only_who_asks_imports_that() -> None:
    package = Path(pyvae.__file__).parent
    heads = {
        str(path.relative_to(package)): {node.module for node in ast.parse(path.read_text()).body if is_import(node)}
        for path in package.rglob("*.py")
    }
    importing = [path for path, names in heads.items() if any(name.startswith("tensorboard.") for name in names)]
    assert importing == ["sweeps/logs/events.py"]
    assert [path for path, names in heads.items() if "pyvae.sweeps.logs.events" in names] == [
        "sweeps/logs/tensorboard.py"
    ]
    assert not [path for path, names in heads.items() if "pyvae.sweeps.logs.tensorboard" in names]


def is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module is not None
