import dataclasses
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from rich.console import Console

from pyvae.errors import Interrupted, UserError
from pyvae.files import exclusive_lock
from pyvae.studies import StudyError, folder
from pyvae.studies.biased_grid import STUDY, BiasedGridConfig
from pyvae.studies.biased_grid.recipe import recipe
from pyvae.studies.evaluate import evaluate_run
from pyvae.studies.folder import claimed
from pyvae.studies.run import run_study, stop_on_signal
from pyvae.training import train
from pyvae.training.train import Training
from tests.studies.biased_grid.tiny import tiny

SAVED = ("config.json", "curves.parquet", "results.parquet", "baseline.parquet", "pictures.safetensors")


def quiet() -> Console:
    return Console(file=io.StringIO())


def saved(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in SAVED}


@pytest.fixture(scope="module", autouse=True)
def one_way_of_stepping() -> Iterator[None]:
    """Runs whose bits are compared must not choose by a measurement, which a busy machine can turn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[Training.__module__], "stepping_of", lambda *_: "fused")
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("study") / "finished"
    run_study(STUDY, tiny(), out, console=quiet())
    return out


def test_a_study_leaves_everything_and_nothing_partial(finished) -> None:
    assert set(SAVED) | {"about.json", "report.html", "findings.md", "figures", "checkpoint", ".lock"} == set(
        os.listdir(finished)
    )
    assert list((finished / "figures").glob("*.png"))
    assert not list(finished.rglob("*.partial-*"))
    assert BiasedGridConfig.from_json((finished / "config.json").read_text()) == tiny()
    results = pq.read_table(finished / "results.parquet")
    assert results.num_rows == len(tiny().cells()) and results["steps"].to_pylist() == [23] * 8
    assert results.column_names[:5] == ["mu", "beta", "seed", "steps", "best_step"]


def test_progress_is_plain_lines_where_there_is_no_terminal(tmp_path) -> None:
    console = quiet()
    run_study(STUDY, tiny("mus=0", "betas=1", "seeds=0", "steps=5"), tmp_path, console=console)
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "training 1 model for 5 steps"
    assert lines[1].startswith("step 5/5  1 model  ELBO -") and lines[1].endswith("0.0 min left")
    assert "evaluating models 1 to 1 of 1" in lines


def test_a_folder_with_another_study_is_refused_and_untouched(finished) -> None:
    before = saved(finished)
    for resume in (False, True):
        with pytest.raises(StudyError, match=r"already holds another study \(other strengths, hidden\)"):
            run_study(STUDY, tiny("hidden=16", "betas=1"), finished, resume=resume, console=quiet())
    assert saved(finished) == before


def test_a_study_goes_on_with_more_of_what_it_had(tmp_path) -> None:
    small, large = tiny("mus=0", "seeds=1"), tiny("steps=23")
    run_study(STUDY, small, tmp_path / "grown", console=quiet())
    run_study(STUDY, large, tmp_path / "grown", resume=True, console=quiet())
    run_study(STUDY, large, tmp_path / "at once", console=quiet())
    assert saved(tmp_path / "grown") == saved(tmp_path / "at once")
    longer = large.overridden(["steps=30"])
    run_study(STUDY, longer, tmp_path / "grown", resume=True, console=quiet())
    assert pq.read_table(tmp_path / "grown" / "results.parquet")["steps"].to_pylist() == [30] * 8
    for fewer, held in (("steps=23", "steps=30"), ("mus=0", r"mus=0\.0,2\.5")):
        with pytest.raises(
            StudyError, match=f"a run can only grow, and the one in .* has {held}: ask for all of these"
        ):
            run_study(STUDY, longer.overridden([fewer]), tmp_path / "grown", resume=True, console=quiet())


def written(out: Path) -> Path:
    """As a report is written, in a moment."""
    (out / "figures").mkdir(exist_ok=True)
    for name in ("figures/map.png", "findings.md", "report.html"):
        (out / name).write_bytes((out / "config.json").read_bytes())
    return out / "report.html"


QUICKLY_TOLD = dataclasses.replace(STUDY, draw=lambda out: None, report=written)
SMALLER, LARGER = tiny("mus=0", "seeds=1", "steps=5"), tiny("mus=0", "steps=5")


@pytest.fixture(scope="module")
def smaller(tmp_path_factory) -> Path:
    """A finished study, and what `pyvae evaluate` adds."""
    out = tmp_path_factory.mktemp("smaller")
    run_study(QUICKLY_TOLD, SMALLER, out, console=quiet())
    evaluate_run(out, metrics=["modularity"], points=60, console=quiet())
    return out


def test_a_study_that_grows_keeps_models_and_no_report_of_fewer(smaller, tmp_path, monkeypatch) -> None:
    out = Path(shutil.copytree(smaller, tmp_path / "out"))
    models = [path for folder in ("checkpoint", "metrics") for path in (out / folder).rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in models}
    assert len(list((out / "metrics").iterdir())) == len(SMALLER.cells())

    def stopped(*arguments, **options) -> None:
        raise Interrupted("stopped at step 0")

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(sys.modules[run_study.__module__], "train_all", stopped)
        run_study(QUICKLY_TOLD, LARGER, out, resume=True, console=quiet())
    assert BiasedGridConfig.from_json((out / "config.json").read_text()) == LARGER
    left = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file() and path not in before}
    assert left == {"config.json", "about.json", ".lock"}
    assert {path: path.read_bytes() for path in models} == before
    run_study(QUICKLY_TOLD, LARGER, out, resume=True, console=quiet())
    assert BiasedGridConfig.from_json((out / "report.html").read_text()) == LARGER
    console = quiet()
    evaluate_run(out, metrics=["modularity"], points=60, console=console)
    assert "2 scores of models are kept from before" in console.file.getvalue()


@pytest.mark.parametrize("removed", [0, 1, 4, 8])
def test_a_growth_that_dies_before_it_began_leaves_the_study_that_was(smaller, tmp_path, monkeypatch, removed) -> None:
    out, files = Path(shutil.copytree(smaller, tmp_path / "out")), []
    real = Path.unlink

    def killed(*arguments: object) -> None:
        raise SystemExit("killed")

    def unlink(path: Path, **options: bool) -> None:
        if len(files) == removed:
            killed()
        files.append(path.name)
        real(path, **options)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Path, "unlink", unlink)
        patch.setattr(folder, "atomic_write_text", killed)  # of the config
        run_study(QUICKLY_TOLD, LARGER, out, resume=True, console=quiet())
    assert len(files) == removed and BiasedGridConfig.from_json((out / "config.json").read_text()) == SMALLER
    assert files[:1] == ["report.html"][:removed]
    run_study(QUICKLY_TOLD, SMALLER, out, resume=True, console=quiet())
    assert saved(out) == saved(smaller) and (out / "report.html").read_bytes() == (out / "config.json").read_bytes()


def test_more_steps_that_would_change_the_objective_are_refused(tmp_path) -> None:
    """Without a dataset_size of its own a beta-TCVAE's is the number of images that the run draws."""
    config = tiny("objective=beta-tcvae", "steps=5", "mus=0", "seeds=0")
    run_study(STUDY, config, tmp_path, console=quiet())
    with pytest.raises(StudyError, match="cannot grow to other steps: dataset_size of its objective depends"):
        run_study(STUDY, config.overridden(["steps=9"]), tmp_path, resume=True, console=quiet())


def test_a_finished_study_needs_resume_and_then_only_draws(finished) -> None:
    before = saved(finished)
    with pytest.raises(StudyError, match="already holds this study: add --resume"):
        run_study(STUDY, tiny(), finished, console=quiet())
    (finished / "report.html").unlink()
    console = quiet()
    assert run_study(STUDY, tiny(), finished, resume=True, console=console).exists()
    assert saved(finished) == before and "training" not in console.file.getvalue()


def test_results_that_are_gone_are_measured_again_without_training(finished) -> None:
    before = saved(finished)
    (finished / "results.parquet").unlink()
    console = quiet()
    run_study(STUDY, tiny(), finished, resume=True, console=console)
    assert saved(finished) == before and "training" not in console.file.getvalue()


def test_out_must_be_a_folder(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "x"):
        with pytest.raises(StudyError, match=r"out must be a folder, but .*/file is a file"):
            run_study(STUDY, tiny(), out, console=quiet())


@pytest.mark.parametrize("text", [b"\xff\xfe", b"[" * 100_000, b'{"study": "biased-grid", "mu'])
def test_files_that_are_no_config_are_refused(tmp_path, text) -> None:
    (tmp_path / "config.json").write_bytes(text)
    with pytest.raises(StudyError, match="is damaged, it is no JSON: "):
        run_study(STUDY, tiny(), tmp_path, console=quiet())


def test_what_cannot_be_trained_claims_no_folder(tmp_path) -> None:
    with pytest.raises(ValueError, match="dataset_size must be at least batch_size and validation_images, 32, got 20"):
        tiny("objective=beta-tcvae", "dataset_size=20")
    assert recipe(tiny("objective=beta-tcvae", "steps=1")).objective_settings["dataset_size"] == 32


def test_a_folder_in_which_another_process_is_starting_is_said_to_be_in_use(tmp_path) -> None:
    (tmp_path / f".config.partial-{'0' * 12}.json").write_text("")
    with exclusive_lock(tmp_path / ".lock"), pytest.raises(StudyError, match="another process is running a study in"):
        run_study(STUDY, tiny(), tmp_path, console=quiet())
    with pytest.raises(BlockingIOError), claimed(STUDY, tiny(), tmp_path, resume=False):
        raise BlockingIOError("of something else")


def test_a_config_that_cannot_be_read_is_refused(tmp_path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(StudyError, match="is not a config of this version: config lacks the field 'preset'"):
        run_study(STUDY, tiny(), tmp_path, console=quiet())


def test_the_first_signal_asks_and_the_second_insists() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_signal(quiet()) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


RUN = """
import sys
from pathlib import Path
from pyvae.studies.biased_grid import STUDY, BiasedGridConfig
from pyvae.studies.run import run_study
from pyvae.training.train import Training
sys.modules[Training.__module__].stepping_of = lambda *_: "fused"
run_study(STUDY, BiasedGridConfig.from_json(Path(sys.argv[1]).read_text()), sys.argv[2], resume=True)
"""


def start(config: Path, out: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", RUN, str(config), str(out)], stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def test_a_study_that_is_killed_ends_with_the_same_bits(tmp_path) -> None:
    settings = tiny("checkpoint_seconds=0.05", "steps=200")
    config = tmp_path / "settings.json"
    config.write_text(settings.to_json())
    run_study(STUDY, settings, tmp_path / "whole", console=quiet())
    out = tmp_path / "killed"
    process = start(config, out)
    wait_for(out / "checkpoint" / "current.manifest", process)
    process.kill()
    process.wait()
    assert not (out / "results.parquet").exists()
    (out / f".results.partial-{'0' * 12}.parquet").write_text("left over")
    run_study(STUDY, settings, out, resume=True, console=quiet())
    assert saved(out) == saved(tmp_path / "whole")
    assert not list(out.rglob("*.partial-*"))


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(tmp_path) -> None:
    settings = tiny("checkpoint_seconds=0.05", "steps=100000", "curve_every=1")
    config = tmp_path / "settings.json"
    config.write_text(settings.to_json())
    out = tmp_path / "out"
    process = start(config, out)
    wait_for(out / "checkpoint" / "current.manifest", process)
    with pytest.raises(StudyError, match=r"another process is running a study"):
        run_study(STUDY, settings, out, resume=True, console=quiet())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "Interrupted: stopped at step " in errors and f"pyvae study biased-grid --out {out} --resume" in errors
    assert pq.read_table(out / "curves.parquet").num_rows > 0
    assert not (out / "results.parquet").exists() and not list(out.rglob("*.partial-*"))


def test_an_interrupted_evaluation_keeps_the_training(tmp_path, monkeypatch) -> None:
    from pyvae.studies.biased_grid import measure

    def interrupted(*arguments, **settings):
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*arguments, **settings)

    real = measure.evaluate
    monkeypatch.setattr(measure, "evaluate", interrupted)
    monkeypatch.setattr(measure, "EVALUATED_TOGETHER", 5)
    with pytest.raises(Interrupted, match=r"stopped while evaluating, training is kept; go on with: "):
        run_study(STUDY, tiny(), tmp_path, console=quiet())
    monkeypatch.setattr(measure, "evaluate", real)
    console = quiet()
    run_study(STUDY, tiny(), tmp_path, resume=True, console=console)
    assert "training" not in console.file.getvalue()


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(StudyError, match=r"out must be a new or empty folder, or one that holds a study"):
        run_study(STUDY, tiny(), tmp_path, console=quiet())
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_study_whose_models_diverge_still_gets_its_report(tmp_path) -> None:
    console, config = quiet(), tiny("learning_rate=1e30", "steps=500")
    with pytest.raises(StudyError, match=r"every model has diverged: try a smaller learning_rate; report: .*html"):
        run_study(STUDY, config, tmp_path / "out", console=console)
    assert "diverged" in (tmp_path / "out" / "report.html").read_text()
    assert "8 models diverged by step 5: mu 0, beta 0.5, seed 0; " in console.file.getvalue()
    assert "None is left to train: training stops" in console.file.getvalue()


def test_curves_that_are_gone_are_written_again(finished, tmp_path) -> None:
    out = tmp_path / "copy"
    shutil.copytree(finished, out)
    (out / "curves.parquet").unlink()
    run_study(STUDY, tiny(), out, resume=True, console=quiet())
    assert (out / "curves.parquet").read_bytes() == (finished / "curves.parquet").read_bytes()


def test_a_run_that_cannot_go_on_elsewhere_is_left_as_it_was(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys.modules[train.__module__], "stepping_of", lambda *_: "fused")
    run_study(STUDY, tiny("seeds=0", "steps=3"), tmp_path, console=quiet())
    before = saved(tmp_path)
    monkeypatch.setattr(sys.modules[run_study.__module__], "device_named", lambda text: torch.device("cuda", 0))
    with pytest.raises(UserError, match="device cuda needs a run of its own in another folder"):
        run_study(STUDY, tiny("steps=3"), tmp_path, resume=True, device="cuda", console=quiet())
    assert saved(tmp_path) == before
