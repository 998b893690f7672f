"""Whose curves are drawn, that they are those models' own, and how few points are enough."""

import re
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pyvae.studies.folder import CURVES
from pyvae.sweeps.report.curves import POINTS, _of_model, _points, curves, kinds
from pyvae.sweeps.report.measures import Goal
from tests.sweeps.report.sweeps import of, opened

GOAL = Goal("mig", True, "")


@pytest.mark.parametrize(
    ("count", "found"),
    [
        (0, ""),
        (1, "b"),
        (3, "bbb"),
        (4, "bbbm"),
        (5, "bbbmw"),
        (6, "bbbmww"),
        (9, "bbb..m.ww"),
    ],
)
def test_the_best_the_middle_and_the_worst_are_drawn(count: int, found: str) -> None:
    shown = kinds(range(count))
    assert "".join(shown.get(k, ".")[0] for k in range(count)) == found


def test_each_seed_has_its_own_line(tmp_path: Path, run: Path) -> None:
    held = opened(tmp_path, {"strengths": [1, 2, 4], "seeds": [0, 1]}, of(lambda strengths, seeds: strengths), run=run)
    text = curves(held, GOAL)
    charts = re.findall(r"<svg viewBox=\"0 0 420.*?</svg>", text)
    names = [re.findall(r"<title>(.*?)</title>", chart) for chart in charts]
    assert len(charts) == 3 and names[0] == [f"beta {beta}, seed {seed}" for beta in (4, 2, 1) for seed in (0, 1)]
    assert "3 configurations by mig, 6 lines, one for each seed" in text
    points = [re.findall(r'points="([^"]*)"', chart) for chart in charts]
    assert all(len(set(lines)) == 6 for lines in points)  # no two are the same model's


def test_a_curve_is_that_of_its_model_on_validation_images(run: Path) -> None:
    table = pq.read_table(run / CURVES)
    curve = _of_model(table, {"beta": 2.0, "mu": 0.0, "seed": 1, "shard": "s", "mig": 0.5})
    rows = [row for row in table.to_pylist() if (row["beta"], row["seed"], row["split"]) == (2.0, 1, "validation")]
    assert curve["loss"] == [row["loss"] for row in rows] and len(rows) > 2
    assert set(curve["split"]) == {"validation"}
    # One point is no curve.
    few = table.filter((pc.field("split") != "validation") | (pc.field("step") == max(curve["step"])))
    trained = _of_model(few, {"beta": 2.0, "mu": 0.0, "seed": 1})
    assert set(trained["split"]) == {"train"} and len(trained["step"]) > 2


def test_without_runs_there_is_a_sentence(tmp_path: Path) -> None:
    held = opened(tmp_path, {"strengths": [1, 2]}, of(lambda strengths: strengths))
    assert "No run of these cells has kept its curves." in curves(held, GOAL)


def test_a_long_curve_keeps_its_ends_and_few_points() -> None:
    steps = [*range(0, 100_001, 10)]
    values = [None if step == 50 else 1.0 / (1 + step) for step in steps]
    points = _points({"step": steps, "loss": values}, "loss")
    assert points[0] == (10, 1 / 11) and points[-1] == (100_000, 1 / 100_001)
    assert 60 < len(points) <= POINTS and all(value == 1 / (1 + step) for step, value in points)
    assert [step for step, _ in points] == sorted({step for step, _ in points}) and 50 not in dict(points)
    assert _points({"step": [10, 20], "loss": [None, None]}, "loss") == [] == _points({"step": [10]}, "kl")
