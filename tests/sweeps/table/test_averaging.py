"""Means over seeds against the statistics of studies, group by group."""

import random

import numpy as np
import pyarrow as pa
import pytest

from pyvae.report.statistics import t_interval
from pyvae.sweeps.table.averaging import over_seeds
from pyvae.sweeps.table.results import axes_of, load_results
from tests.sweeps.synthetic import Synthetic


def made(rows: list[tuple[object, ...]]) -> pa.Table:
    """Rows of status, batch_size, seeds, beta, seed, mig."""
    names = ["status", "batch_size", "seeds", "beta", "seed", "mig"]
    kinds = [pa.string(), pa.int64(), pa.int64(), pa.float64(), pa.int64(), pa.float64()]
    schema = pa.schema([*zip(names, kinds, strict=True)])
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema)


def averaged(rows: list[tuple[object, ...]]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = over_seeds(made(rows), ["batch_size", "seeds"], ["mig"]).to_pylist()
    return found


def test_means_and_intervals_are_those_of_studies(tmp_path) -> None:
    sweep = Synthetic(tmp_path / "sweep")
    sweep.finish()
    table = load_results(sweep.folder)
    found = over_seeds(table, axes_of(sweep.folder), ["tc", "mig"])
    assert found.column_names == [
        *("objective", "strengths", "batch_size", "gamma", "beta", "models", "diverged", "failed"),
        *("tc", "tc_half", "mig", "mig_half"),
    ]
    assert len(found) == 16
    for row in found.to_pylist():
        at = {name: row[name] for name in ("objective", "strengths", "batch_size")}
        members = [own for own in table.to_pylist() if at.items() <= own.items()]
        assert row["models"] == len(members) == 3 and {own["seeds"] for own in members} == {0, 1, 2}
        for name in ("tc", "mig"):
            expected = t_interval(np.array([own[name] for own in members]))
            assert (row[name], row[f"{name}_half"]) == (expected.mean, expected.half)


def test_a_known_interval() -> None:
    (row,) = averaged([("finished", 64, seed, 1.0, seed, value) for seed, value in enumerate((1.0, 2.0, 3.0))])
    assert row["mig"] == 2.0 and row["mig_half"] == pytest.approx(4.30265 / 3**0.5, rel=1e-5)  # t of 2 degrees


def test_there_is_no_interval_of_one_value_nor_of_equal_ones() -> None:
    found = averaged(
        [
            ("finished", 64, 0, 1.0, 0, 0.5),
            ("finished", 64, 1, 1.0, 1, None),
            ("finished", 128, 0, 1.0, 0, 0.1),
            ("finished", 128, 1, 1.0, 1, 0.1),
            ("finished", 256, 0, 1.0, 0, None),
        ]
    )
    assert [(row["models"], row["mig"], row["mig_half"]) for row in found] == [
        (2, 0.5, None),
        (2, 0.1, None),
        (1, None, None),
    ]


def test_diverged_and_failed_models_are_counted_and_not_averaged() -> None:
    failed = ("failed", 64, 0, None, None, None)
    rest = [("diverged", 64, 1, 1.0, 1, 9.0), ("finished", 64, 2, 1.0, 2, 0.25), ("finished", 64, 3, 1.0, 3, 0.75)]
    for rows in ([failed, *rest], [*rest, failed]):
        (row,) = averaged(rows)
        assert (row["beta"], row["models"], row["diverged"], row["failed"], row["mig"]) == (1.0, 2, 1, 1, 0.5)
    (row,) = averaged([failed, ("failed", 64, 1, None, None, None)])  # nothing says which strength it was
    assert (row["beta"], row["models"], row["failed"], row["mig"]) == (None, 0, 2, None)


def test_models_of_a_cell_are_apart_and_a_failed_cell_is_none_of_them() -> None:
    models = [("finished", 64, seed, beta, seed, beta + seed) for seed in (0, 1) for beta in (1.0, 4.0)]
    found = averaged([*models, ("failed", 64, 2, None, None, None)])
    assert [(row["beta"], row["models"], row["failed"], row["mig"]) for row in found] == [
        (1.0, 2, 0, 1.5),
        (4.0, 2, 0, 4.5),
        (None, 0, 1, None),
    ]


def test_seeds_that_are_no_axis_are_averaged_too() -> None:
    table = made([("finished", 64, 0, 1.0, seed, float(seed)) for seed in range(4)]).drop_columns("seeds")
    (row,) = over_seeds(table, ["batch_size"], ["mig"]).to_pylist()
    assert (row["models"], row["mig"]) == (4, 1.5)


def test_rows_in_any_order_give_the_same_groups(tmp_path) -> None:
    sweep = Synthetic(tmp_path / "sweep")
    sweep.finish()
    table, axes = load_results(sweep.folder), axes_of(sweep.folder)
    order = list(range(len(table)))
    random.Random(1).shuffle(order)
    keys = [(name, "ascending") for name in ("objective", "strengths", "batch_size")]
    one, two = (over_seeds(rows, axes, ["mig"]).sort_by(keys) for rows in (table, table.take(order)))
    assert one.drop_columns(["mig", "mig_half"]).equals(two.drop_columns(["mig", "mig_half"]))
    assert np.allclose(one["mig"].to_numpy(), two["mig"].to_numpy(), rtol=1e-14)


def test_no_rows_have_no_means() -> None:
    assert averaged([]) == []
