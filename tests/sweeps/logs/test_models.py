"""Names of models, and which curves are whose."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyvae.sweeps.logs.models import LONGEST, Curves, models_of, named

CELL = "3a94ca64338c"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"strengths": 4.0, "seeds": 0, "estimator": "mss"}, "strengths=4,seeds=0,estimator=mss"),
        ({"learning_rate": 0.00123456789, "hidden": "64,64"}, "learning_rate=0.00123457,hidden=64_64"),
        ({"data_path": "../a b/ü.npz", "schedule": "warmup(25%)"}, "data_path=.._a_b_.npz,schedule=warmup_25_"),
        ({"data_path": "x" * 300}, f"data_path={'x' * 24}"),
    ],
)
def test_a_name_has_the_settings_and_suits_any_disk(settings, name) -> None:
    assert named(settings, CELL) == f"{name}-{CELL}"


def test_a_name_has_as_many_settings_as_can_be_read() -> None:
    name = named({f"setting_{k}": "v" * 20 for k in range(20)}, CELL)
    assert len(name) <= LONGEST + 1 + len(CELL) and name.endswith(f"{'v' * 20}-{CELL}")
    assert named({}, CELL) == named({"s" * 90: 1}, CELL) == CELL


def test_another_result_is_another_version_and_another_shard_is_not() -> None:
    row = {"cell": CELL, "shard": "a", "status": "finished", "reason": None, "beta": 4.0, "seed": 0, "mig": 0.5}
    others = [row | {"shard": "b"}, row | {"mig": 0.6}, row | {"mig": None}]
    (one, same, *different) = [models_of(pa.Table.from_pylist([held]), [])[0].version for held in (row, *others)]
    assert one == same and len({one, *different}) == 3


def test_curves_are_of_the_model_that_they_name_alone(tmp_path) -> None:
    rows = [
        {"bias": 0.0, "beta": beta, "seed": 0, "step": step, "loss": beta * step, "split": split}
        for beta in (1.0, 4.0)
        for split in ("train", "validation")
        for step in (16, 32)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "curves.parquet")
    curves = Curves.read(tmp_path / "curves.parquet")
    expected = {k: {"train/loss": 4.0 * k, "validation/loss": 4.0 * k} for k in (16, 32)}
    assert curves.points({"beta": 4.0, "seed": 0}) == expected
    assert curves.points({"seed": 0}) == {}  # of which of the two is not said
    assert curves.points({"beta": 2.0, "seed": 0}) == {}
