"""`pyvae evaluate`: every pair of model and metric once, whatever stops it, and anew where something has changed."""

import io
import json
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pyvae.errors import Interrupted
from pyvae.files import exclusive_lock
from pyvae.metrics import METRICS, evaluate
from pyvae.studies import StudyError, load_models
from pyvae.studies import evaluate as room
from pyvae.studies import scores as kept
from pyvae.studies.biased_grid import STUDY
from pyvae.studies.run import run_study
from tests.studies.biased_grid.tiny import tiny

CHEAP = ["modularity", "gaussian_total_correlation"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("run")
    run_study(STUDY, tiny("steps=12"), out, console=Console(file=io.StringIO()))
    return out


@pytest.fixture
def out(trained, tmp_path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def measured(monkeypatch) -> list[str]:
    """Names of the metrics that were computed, in order."""
    names = []

    def counted(metric, *args, **kwargs):
        names.append(metric.name)
        return real(metric, *args, **kwargs)

    real = kept.outcome_of
    monkeypatch.setattr(kept, "outcome_of", counted)
    return names


def told(out: Path, metrics=CHEAP, points=60, **settings) -> str:
    text = io.StringIO()
    room.evaluate_run(out, metrics=metrics, points=points, console=Console(file=text, width=120), **settings)
    return text.getvalue()


def test_each_model_has_its_rows_and_they_are_those_of_evaluate(out) -> None:
    text, config = told(out), tiny("steps=12")
    table = pq.read_table(out / "metrics.parquet")
    assert table.schema.names[:4] == ["mu", "beta", "seed", "metric"]
    rows = table.to_pylist()
    assert {(row["mu"], row["beta"], row["seed"]) for row in rows} == {
        (cell.bias, cell.strength, cell.seed) for cell in config.cells()
    }
    assert len(rows) == len(CHEAP) * len(config.cells()) and "median" in text and "measuring model 1 of 8" in text
    points = kept.Points(config.grid, 60)
    found = evaluate(kept.encoded(load_models(out), 3, points.images), points.factors, metrics=CHEAP)
    cell = config.cells()[3]
    mine = [row for row in rows if (row["mu"], row["beta"], row["seed"]) == (cell.bias, cell.strength, cell.seed)]
    assert {row["metric"]: row["value"] for row in mine} == {name: found[name].value for name in CHEAP}
    assert json.loads(mine[0]["settings"])["points"] == len(points)


def test_what_is_known_is_not_measured_again(out, measured) -> None:
    told(out)
    before = (out / "metrics.parquet").read_bytes()
    measured.clear()
    assert "16 scores of models are kept from before" in told(out)
    assert measured == [] and (out / "metrics.parquet").read_bytes() == before
    told(out, [*CHEAP, "irs"])
    assert measured == ["irs"] * 8 and pq.read_table(out / "metrics.parquet").num_rows == 24


def test_other_settings_and_other_weights_are_measured_anew_with_a_sentence(out, measured, monkeypatch) -> None:
    told(out)
    measured.clear()
    assert "16 are of other weights or settings and are measured anew" in told(out, seed=1)
    assert measured == [name for _ in range(8) for name in CHEAP]
    measured.clear()
    real = kept._digest
    monkeypatch.setattr(kept, "_digest", lambda trained, k: "other" if k == 2 else real(trained, k))
    assert "1 are of other weights or settings" in told(out, CHEAP[:1], seed=1) and measured == CHEAP[:1]
    rows = pq.read_table(out / "metrics.parquet").to_pylist()
    assert len(rows) == 15  # the metric that was not asked for is of weights that are gone


def test_what_dies_loses_the_metric_in_work_only(out, measured, monkeypatch) -> None:
    class Died(BaseException):
        """As kill -9: nothing of the program's own sees it."""

    counted = kept.outcome_of

    def dying(*args, **kwargs):
        if len(measured) == 5:
            raise Died
        return counted(*args, **kwargs)

    monkeypatch.setattr(kept, "outcome_of", dying)
    with pytest.raises(Died):
        told(out)
    monkeypatch.undo()
    assert "5 scores of models are kept from before" in told(out)
    assert pq.read_table(out / "metrics.parquet").num_rows == 16


def test_a_stop_keeps_what_is_done_and_says_how_to_go_on(out, measured, monkeypatch) -> None:
    real = kept.Task._measure

    def stopping(task, *args):
        real(task, *args)
        if len(measured) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(kept.Task, "_measure", stopping)
    with pytest.raises(Interrupted, match=r"go on with: pyvae evaluate .* --metrics .* --seed 0 --points 60$"):
        told(out)
    assert pq.read_table(out / "metrics.parquet").num_rows == 3 == len(measured)


def test_a_metric_that_refuses_has_its_reason_in_the_table(out) -> None:
    text = told(out, ["mig"], points=1)
    rows = pq.read_table(out / "metrics.parquet").to_pylist()
    assert all(row["value"] is None and row["reason"] for row in rows) and len(rows) == 8
    assert "stays" not in text


def test_what_was_measured_stays_where_too_few_points_give_no_score(out, measured) -> None:
    told(out, ["mig", "modularity"])
    before = pq.read_table(out / "metrics.parquet").drop_columns(["seconds"])
    text = " ".join(told(out, ["mig"], points=1).split())
    assert pq.read_table(out / "metrics.parquet").drop_columns(["seconds"]) == before
    assert re.search(
        r"mig as it was asked for is refused by 8 models, whose score of an earlier call stays: .+\.$", text
    )
    measured.clear()
    told(out, ["mig"], points=1)
    assert measured == []  # the refusal is known, too
    told(out, ["mig"], points=2)  # which is refused as well
    assert pq.read_table(out / "metrics.parquet").drop_columns(["seconds"]) == before
    told(out, ["mig"], points=50)
    values = [row for row in pq.read_table(out / "metrics.parquet").to_pylist() if row["metric"] == "mig"]
    assert {json.loads(row["settings"])["points"] for row in values} == {50}


def test_what_was_measured_of_other_weights_does_not_stay(out, monkeypatch) -> None:
    told(out, ["mig"])
    told(out, ["mig"], points=1)
    real = kept._digest
    monkeypatch.setattr(kept, "_digest", lambda trained, k: "other" if k == 2 else real(trained, k))
    told(out, ["mig"], points=1)
    values = [row["value"] for row in pq.read_table(out / "metrics.parquet").to_pylist()]
    assert len(values) == 8 and [value is None for value in values] == [k == 2 for k in range(8)]


def test_scores_of_other_numbers_of_points_are_told_apart(out) -> None:
    told(out, ["modularity", "mig"], points=40)
    text = told(out, ["mig"])
    assert re.search(r"^ ?metric +points +models", text, re.M)
    assert re.search(r"^ ?mig +60 +8 of 8 ", text, re.M) and re.search(r"^ ?modularity +40 +8 of 8 ", text, re.M)
    joined = " ".join(text.split())
    total = kept.Points(tiny("steps=12").grid, 60).total
    assert f"modularity is of 40 and mig is of 60 of the test set's {total} images" in joined
    assert "Scores are" not in joined
    assert "Scores are of 60 of the test" in " ".join(told(out, ["mig", "modularity"]).split())


def test_what_is_asked_wrongly_is_one_sentence(out, tmp_path) -> None:
    for settings, sentence in [
        ({"metrics": ["magic"]}, "metrics must be among"),
        ({"protocol": "mine"}, "protocol must be one of"),
        ({"points": 0}, "points must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"data": "spirits"}, "data must be one of arrays, "),
        ({"data_path": "mine.npz"}, "data must name the kind of data_path, one of arrays, .* got none"),
        ({"data": "arrays"}, "data_path must be the file or folder of arrays, got none"),
        ({"data": "digits"}, r"data must have images of shape \(6, 6\), as the models were trained on, got \(8, 8\)"),
    ]:
        with pytest.raises(StudyError, match=sentence):
            room.evaluate_run(out, **settings)
    with pytest.raises(StudyError, match=r"folder must hold a study, but .* has no config.json"):
        room.evaluate_run(tmp_path / "none")
    (out / "metrics").mkdir()
    cell = tiny("steps=12").cells()[0]
    (out / "metrics" / f"{cell.bias!r}_{cell.strength!r}_{cell.seed}.json").write_text("[1]")
    with pytest.raises(StudyError, match="is damaged, delete it to measure its model again"):
        told(out)


def test_two_processes_do_not_write_at_once(out) -> None:
    with exclusive_lock(out / ".lock"), pytest.raises(StudyError, match="another process is running a study in"):
        told(out)


def test_models_are_measured_on_other_data_and_without_factors_by_what_needs_none(out, measured, tmp_path) -> None:
    side = tiny("steps=12").grid.shape[0]
    np.savez(tmp_path / "mine.npz", images=np.random.default_rng(0).random((70, side, side), np.float32))
    where = {"data": "arrays", "data_path": tmp_path / "mine.npz"}
    told(out, None, **where)
    assert measured and not any(METRICS[name].needs_factors for name in measured)
    measured.clear()
    told(out, CHEAP[1:], **where)
    assert measured == []
    before = (out / "metrics-arrays-mine.parquet").read_bytes()
    told(out, CHEAP[1:])
    assert measured == CHEAP[1:] * 8  # of the models' own data they are other numbers, in a file of their own
    assert (out / "metrics-arrays-mine.parquet").read_bytes() == before
    of = [
        pq.read_table(out / name)["settings"].to_pylist() for name in ("metrics.parquet", "metrics-arrays-mine.parquet")
    ]
    assert "data" not in json.loads(of[0][0]) and json.loads(of[1][0])["data"].endswith("mine.npz")
