"""A tiny study from its start to its report; stopped anywhere and resumed it ends with the same bits."""

import dataclasses
import io
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pyvae.errors import Interrupted
from pyvae.studies import load_models, study_named
from pyvae.studies.biased_sprites import STUDY
from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES
from pyvae.studies.biased_sprites.results import SAVED, load_results
from pyvae.studies.errors import StudyError
from pyvae.studies.evaluate import evaluate_run
from pyvae.studies.run import run_study
from pyvae.studies.scores import Task
from tests.studies.biased_sprites.tiny import tiny

UNTOLD = dataclasses.replace(STUDY, draw=lambda out: None, report=lambda out: out / "report.html")
"""Figures and texts, which test_report.py tries, are made of saved results alone."""
ONE_BETA = tiny("betas=1")


def quiet() -> Console:
    return Console(file=io.StringIO(), width=120)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    run_study(UNTOLD, ONE_BETA, out, console=quiet())
    return out


def test_a_run_leaves_all_that_it_promises(whole: Path) -> None:
    assert study_named("biased-sprites") is STUDY
    assert all((whole / name).is_file() for name in SAVED)
    results = load_results(whole)
    assert (results.diverged, results.models) == (0, 12)
    assert results.factors == ["shape", "scale", "orientation", "x", "y"]
    assert "seconds" not in results.table.column_names
    assert set(pq.read_table(whole / "curves.parquet")["group"].to_pylist()) == {g.name for g in ONE_BETA.groups}
    assert len(load_models(whole, "beta-tcvae-skew-weighted").cells) == 1
    assert STUDY.hopeless(whole) is None


def test_a_run_that_is_stopped_while_it_measures_ends_with_the_same_bits(whole, tmp_path, monkeypatch) -> None:
    done, real = [], Task._measure

    def stopping(*arguments: object) -> None:
        if len(done) == 17:  # in the middle of a model
            raise Interrupted("stopped")
        done.append(real(*arguments))

    monkeypatch.setattr(Task, "_measure", stopping)
    with pytest.raises(Interrupted):
        run_study(UNTOLD, ONE_BETA, tmp_path, console=quiet())
    monkeypatch.undo()
    with pytest.raises(StudyError, match="already holds this study"):
        run_study(UNTOLD, ONE_BETA, tmp_path, console=quiet())
    run_study(UNTOLD, ONE_BETA, tmp_path, resume=True, console=quiet())
    for name in SAVED:
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes(), name


def test_what_pyvae_evaluate_adds_is_not_the_studys(whole: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    evaluate_run(out, metrics=["modularity"], points=40, console=quiet())
    (out / "results.parquet").unlink()
    run_study(UNTOLD, ONE_BETA, out, resume=True, console=quiet())
    assert (out / "results.parquet").read_bytes() == (whole / "results.parquet").read_bytes()


def test_a_run_grows_by_a_strength_and_keeps_its_models(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "out")
    config = ONE_BETA.replaced(removals=(0.5, 0.75))
    run_study(UNTOLD, config, tmp_path / "out", resume=True, console=quiet())
    few, more, remove = load_results(whole), load_results(tmp_path / "out"), KINDS[2]
    for objective in OBJECTIVE_NAMES:
        assert (few.shares(objective, remove) == more.shares(objective, remove)[:2]).all()
        assert more.shares(objective, remove).shape == (3, 1, 1)
    assert more.models == 14 and more.config == config
