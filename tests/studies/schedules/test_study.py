"""Whole runs: on one's own images without factors, and one that is cut short and resumed."""

import dataclasses
import io
import itertools

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pyvae.errors import Interrupted
from pyvae.studies import load_models
from pyvae.studies import run as room
from pyvae.studies.schedules import PRESETS, STUDY
from pyvae.studies.schedules.results import SAVED
from pyvae.studies.schedules.runs import FROM_100, RUNS

pytest.importorskip("matplotlib")


@pytest.fixture
def config(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (80, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", images=images)
    return PRESETS["quick"].overridden(
        ["data=arrays", f"data_path={tmp_path / 'own.npz'}", "steps=12", "curve_every=4", "hidden=16", "latents=4",
         "batch_size=16", "seeds=0", "points=64", "betas=1,100"]
    )  # fmt: skip


UNTOLD = dataclasses.replace(STUDY, draw=lambda out: None, report=lambda out: out)
"""The study without its figures and texts, which take most of a small run's time."""


def run(config, out, study=UNTOLD, **options) -> None:
    room.run_study(study, config, out, console=Console(file=io.StringIO()), **options)


def test_images_without_factors_end_with_a_report(config, tmp_path) -> None:
    out = tmp_path / "out"
    run(config, out, STUDY)
    rows = pq.read_table(out / "results.parquet").to_pylist()
    assert [row["group"] for row in rows] == ["constant", "constant", "0 to 10", "100 to 1", "10000 to 1"]
    assert [row["steps"] for row in rows] == [12, 12, 12, 12, 30] and all(row["finite"] for row in rows)
    assert all((out / name).is_file() for name in (*SAVED, "report.html", "findings.md"))
    curves = pq.read_table(out / "curves.parquet")
    assert curves["posterior_std"].null_count == 0 and set(curves["group"].to_pylist()) == set(RUNS)
    assert load_models(out, FROM_100).cells[0].strength == 1.0


def test_a_run_that_is_stopped_ends_with_the_same_bits(config, tmp_path, monkeypatch) -> None:
    real = room.train_all

    def stopping(recipe, checkpoints, **options):
        asked = itertools.count()
        stop = options["should_stop"]
        if checkpoints.folder.name == FROM_100:
            options["should_stop"] = lambda: stop() or next(asked) > 0
        return real(recipe, checkpoints, **options)

    run(config, tmp_path / "whole")
    monkeypatch.setattr(room, "train_all", stopping)
    with pytest.raises(Interrupted, match="go on with: pyvae study schedules"):
        run(config, tmp_path / "cut")
    monkeypatch.undo()
    run(config, tmp_path / "cut", resume=True)
    for name in SAVED:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()


def test_a_run_grows_by_betas_and_seeds(config, tmp_path) -> None:
    run(config, tmp_path / "out")
    run(config.replaced(betas=(1, 100, 5), seeds=(0, 1)), tmp_path / "out", resume=True)
    run(config.replaced(betas=(1, 100, 5), seeds=(0, 1)), tmp_path / "whole")
    for name in ("results.parquet", "latents.parquet"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
