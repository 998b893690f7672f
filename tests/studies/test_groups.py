"""A study of several groups of models, each of an objective of its own: trained in turn, kept and resumed."""

import dataclasses
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from rich.console import Console

from pyvae.errors import Interrupted
from pyvae.studies import StudyError, folder, load_models
from pyvae.studies.biased_grid import STUDY as GRID
from pyvae.studies.biased_grid.recipe import recipe
from pyvae.studies.evaluate import evaluate_run
from pyvae.studies.folder import checkpoints_in
from pyvae.studies.models import load_groups
from pyvae.studies.run import run_study
from pyvae.training import train
from tests.studies.biased_grid.tiny import tiny

OBJECTIVES = ("beta-vae", "beta-tcvae")


def recipes(config):
    return {name: recipe(config.replaced(objective=name)) for name in OBJECTIVES}


def evaluate(groups, config, out, announce) -> None:
    announce(0, 2, 2)
    pq.write_table(pa.table({"group": list(groups)}), out / "results.parquet")


STUDY = dataclasses.replace(
    GRID,
    recipes=recipes,
    evaluate=evaluate,
    saved=("results.parquet", folder.CURVES),
    draw=lambda out: None,
    report=lambda out: out / "report.html",
    hopeless=lambda out: None,
)
SETTINGS = ("steps=12", "mus=0")


@pytest.fixture(autouse=True)
def known(monkeypatch) -> None:
    monkeypatch.setattr(folder, "study_named", lambda name: STUDY)


def run(out, *settings: str, **options) -> str:
    text = io.StringIO()
    run_study(STUDY, tiny(*SETTINGS, *settings), out, console=Console(file=text, width=120), **options)
    return text.getvalue()


def test_every_group_is_trained_by_its_recipe(tmp_path) -> None:
    assert "group 2 of 2: beta-tcvae" in run(tmp_path)
    groups = load_groups(tmp_path)
    assert tuple(groups) == OBJECTIVES
    for name, trained in groups.items():
        alone = train(recipe(tiny(*SETTINGS).replaced(objective=name)))
        assert trained.cells == alone.cells
        for a, b in zip(trained.model.parameters(), alone.model.parameters(), strict=True):
            assert torch.equal(a, b)
        assert load_models(tmp_path, name).cells == trained.cells
    curves = pq.read_table(tmp_path / folder.CURVES)
    assert curves.column_names[0] == "group" and set(curves["group"].to_pylist()) == set(OBJECTIVES)
    terms = {row["group"]: row["total_correlation"] for row in curves.to_pylist()}
    assert terms["beta-vae"] is None and terms["beta-tcvae"] is not None


def test_a_group_has_to_be_named_and_known(tmp_path) -> None:
    run(tmp_path)
    for asked in (None, "vae"):
        with pytest.raises(StudyError, match=f"group must be one of beta-vae, beta-tcvae, got {asked}"):
            load_models(tmp_path, asked)


@pytest.mark.parametrize("stopped", OBJECTIVES)
def test_a_run_that_is_stopped_in_any_group_ends_with_the_same_bits(tmp_path, monkeypatch, stopped) -> None:
    from pyvae.studies import run as room

    real = room.train_all

    def stopping(recipe, checkpoints, **options):
        if checkpoints.folder.name == stopped:
            real(dataclasses.replace(recipe, settings=dataclasses.replace(recipe.settings, steps=7)), checkpoints)
            raise Interrupted("stopped at step 7")
        return real(recipe, checkpoints, **options)

    run(tmp_path / "whole")
    monkeypatch.setattr(room, "train_all", stopping)
    with pytest.raises(Interrupted, match="go on with: pyvae study"):
        run(tmp_path / "cut")
    monkeypatch.undo()
    monkeypatch.setattr(folder, "study_named", lambda name: STUDY)
    with pytest.raises(StudyError, match="already holds this study"):
        run(tmp_path / "cut")
    run(tmp_path / "cut", resume=True)
    for name in OBJECTIVES:
        parts = [load_models(tmp_path / one, name).model.parameters() for one in ("whole", "cut")]
        for a, b in zip(*parts, strict=True):
            assert torch.equal(a, b)
    assert checkpoints_in(tmp_path / "cut", "beta-vae").exists()


def test_scores_say_of_which_group_they_are(tmp_path) -> None:
    run(tmp_path)
    text = io.StringIO()
    for _ in range(2):
        evaluate_run(tmp_path, metrics=["modularity"], points=60, console=Console(file=text, width=160))
    rows = pq.read_table(tmp_path / "metrics.parquet")
    assert rows["group"].to_pylist() == ["beta-vae"] * 4 + ["beta-tcvae"] * 4
    assert len(set(rows["value"].to_pylist())) == 8
    assert "8 scores of models are kept from before" in text.getvalue() and "beta-tcvae, mu 0" in text.getvalue()
