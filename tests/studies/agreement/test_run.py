"""A tiny study from training to its page; what kills it at any moment changes no bit of what it ends with."""

import dataclasses
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pyvae.metrics import udr
from pyvae.metrics.evaluate import chosen_metrics
from pyvae.studies import StudyError, study_named
from pyvae.studies import run as room
from pyvae.studies.agreement import STUDY
from pyvae.studies.agreement.figures.draw import FIGURES, figures_of
from pyvae.studies.agreement.measures import of_every_model, of_rotated_models
from pyvae.studies.agreement.results import SAVED, load_results
from pyvae.studies.models import load_groups
from pyvae.studies.run import run_study
from pyvae.studies.scores import Points, Task, encoded
from pyvae.studies.study import Study
from pyvae.training.train import Training
from tests.studies.agreement.tiny import tiny

EVALUATION = sys.modules["pyvae.studies.agreement.evaluate"]  # whose name is a function's, too
FEW = ("active_latents", "linear_r2", "mutual_information_score", "minimality", "mig_20_bins", "aggregate", "kl")
"""Scores that take no time."""
UNTOLD = dataclasses.replace(STUDY, draw=lambda out: None, report=lambda out: out / "report.html")
"""The study without figures and page, which take longer than all else of a tiny run."""


@pytest.fixture(scope="module", autouse=True)
def few_scores() -> Iterator[None]:
    """Runs whose bits are compared must not choose a way of stepping by a measurement; a run measures a few scores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[Training.__module__], "stepping_of", lambda *_: "fused")
        few = [one for one in of_every_model() if one.name in FEW]
        patch.setattr(EVALUATION, "of_every_model", lambda: few)
        patch.setattr(EVALUATION, "of_rotated_models", lambda: [*few, *chosen_metrics(["sap"])])
        yield


def run(out: Path, *settings: str, study: Study = UNTOLD, **options) -> str:
    text = io.StringIO()
    run_study(study, tiny(*settings), out, console=Console(file=text, width=120), **options)
    return text.getvalue()


def saved(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in SAVED}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("agreement") / "finished"
    assert "evaluating models 16 to 16 of 16" in run(out, study=STUDY)
    return out


def test_a_row_for_each_model_and_a_column_for_each_score(finished) -> None:
    assert study_named("agreement") is STUDY
    table = pq.read_table(finished / "results.parquet")
    assert len(table) == 16 and table.column_names[:5] == ["objective", "strength", "seed", "steps", "best_step"]
    assert {"mig_20_bins", "aggregate_information", "kl", "udr", "elbo", "rotated_elbo"} <= set(table.column_names)
    assert not {"bias", "seconds"} & {*table.column_names, *pq.read_table(finished / "scores.parquet").column_names}
    rows = table.to_pylist()
    assert all(row["finite"] and row["udr"] is not None for row in rows)
    assert [row["sap"] is None for row in rows] == [row["seed"] == 1 for row in rows]  # of rotated models here
    scores = pq.read_table(finished / "scores.parquet").to_pylist()
    assert len(scores) == 16 * 8 + 8  # `aggregate` has two
    assert all(row["low"] <= row["value"] <= row["high"] for row in scores)


def test_udr_is_that_of_the_seeds_of_one_objective_and_strength(finished) -> None:
    trained = load_groups(finished)["beta-vae"]
    points = Points(tiny().data.open(), 200)
    pair = [k for k, cell in enumerate(trained.cells) if cell.strength == 4]
    expected = udr([encoded(trained, k, points.images) for k in pair], seed=0).parts["scores"]
    rows = pq.read_table(finished / "results.parquet").to_pylist()
    mine = [row["udr"] for row in rows if (row["objective"], row["strength"]) == ("beta-vae", 4.0)]
    assert mine == pytest.approx(list(expected), abs=0)


def test_the_page_has_every_answer_and_figure_and_needs_nothing_else(finished) -> None:
    text = (finished / "report.html").read_text()
    assert text.count('src="data:image/png;base64,') == len(FIGURES) == len(figures_of(load_results(finished)))
    assert not re.search(r"https?://|@import|url\(|<script", text)
    assert "pyvae study agreement --preset quick --out DIR --set beta_vae=1.0,4.0" in text
    assert (finished / "findings.md").read_text().startswith("# Do scores of disentanglement agree")


def killed_at(monkeypatch, owner: object, name: str, calls: int) -> None:
    """Lets a method be called so many times, and then ends everything, as a kill would."""
    real, done = getattr(owner, name), 0

    def dying(*arguments, **options):
        nonlocal done
        done += 1
        if done > calls:
            raise SystemExit("killed")
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, dying)


@pytest.mark.parametrize(
    ("owner", "name", "calls"), [(room, "train_all", 3), (Training, "advance", 21), (Task, "_measure", 40)]
)
def test_a_study_that_dies_at_any_moment_ends_with_the_same_bits(tmp_path, finished, owner, name, calls) -> None:
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, owner, name, calls)
        with pytest.raises(SystemExit, match="killed"):
            run(tmp_path)
    assert not (tmp_path / "results.parquet").exists()
    measured = sum(path.stat().st_size > 0 for path in tmp_path.glob("metrics/*/*.json"))
    run(tmp_path, resume=True)
    assert saved(tmp_path) == saved(finished)
    assert (measured > 0) == (owner is Task)


def test_one_seed_is_enough_for_readings_and_grows(tmp_path, finished) -> None:
    run(tmp_path, "seeds=0", "beta_vae=1", "controlled_capacity=2,8")
    assert "variance" not in figures_of(load_results(tmp_path))
    alone = {row["objective"]: row["udr"] for row in pq.read_table(tmp_path / "results.parquet").to_pylist()}
    assert alone["controlled-capacity"] is not None and alone["beta-vae"] is None  # one model has no company
    run(tmp_path, "seeds=0,1", resume=True)
    assert saved(tmp_path)["results.parquet"] == saved(finished)["results.parquet"]


def test_other_scores_that_pyvae_evaluate_adds_are_no_part_of_it(tmp_path, finished) -> None:
    from pyvae.studies.evaluate import evaluate_run

    run(tmp_path)
    evaluate_run(
        tmp_path, metrics=["wasserstein_correlation", "linear_r2"], points=50, console=Console(file=io.StringIO())
    )
    (tmp_path / "results.parquet").unlink()
    run(tmp_path, resume=True)
    assert saved(tmp_path) == saved(finished)


def test_models_that_diverge_still_get_a_report(tmp_path) -> None:
    with pytest.raises(StudyError, match=r"every model has diverged: try a smaller learning_rate; report: .*html"):
        run(tmp_path, "learning_rate=1e30", "seeds=0", "controlled_capacity=8", "beta_vae=4", study=STUDY)
    results = load_results(tmp_path)
    assert not results.finite.any() and np.isnan(results.column("kl")).all()
    reasons = pq.read_table(tmp_path / "scores.parquet")["reason"].to_pylist()
    assert all(reasons)
    assert "every model has diverged" in (tmp_path / "report.html").read_text()


def test_a_real_list_of_scores_is_longer() -> None:
    assert len(of_every_model()) > 20 and [one.name for one in of_rotated_models()][-1] == "rotated"
    assert dataclasses.is_dataclass(of_every_model()[0])
