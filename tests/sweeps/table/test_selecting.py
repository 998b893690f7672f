"""Which rows and columns are taken, and in which order."""

import pyarrow as pa
import pytest

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.table.selecting import met, named, ordered, telling

AXES = ["objective", "strengths", "seeds"]
TABLE = pa.table(
    {
        "cell": ["a", "b", "c", "d"],
        "shard": ["s", "s", "s", "t"],
        "status": ["finished", "finished", "diverged", "failed"],
        "reason": [None, None, "training diverged", "no luck"],
        "objective": ["x", "y", "x", "y"],
        "strengths": [1.0, 2.0, 4.0, 1.0],
        "seeds": [0, 0, 1, 1],
        "mu": pa.array([0.5, 0.5, 0.5, None]),
        "beta": pa.array([1.0, 2.0, 4.0, None]),
        "seed": pa.array([0, 0, 1, None]),
        "steps_taken": pa.array([10, 10, 5, None]),
        "finite": pa.array([True, True, False, None]),
        "dead": pa.array([None] * 4, pa.float64()),
        "elbo": pa.array([-3.0, -2.0, None, None]),
        "mig": pa.array([0.2, 0.2, None, None]),
        "kl_0": pa.array([1, 2, None, None]),
        "kl_1": pa.array([4, 3, None, None]),
        "kl_per_latent": pa.array([[1.0], [2.0], None, None]),
    }
)


def test_columns_by_name_and_by_pattern_each_once() -> None:
    names = TABLE.column_names
    assert named(["mig", "kl_?", "kl_1", "mig"], names, "columns") == ["mig", "kl_0", "kl_1"]
    assert named(["*"], names, "columns") == names
    assert named([], names, "columns") == []
    for asked, told in (("migg", "did you mean mig"), ("z*", "expected one of cell, shard, "), ("", "expected one of")):
        with pytest.raises(
            SweepError, match=f"columns names '{asked.replace('*', '[*]')}', which is no column: {told}"
        ):
            named([asked], names, "columns")


@pytest.mark.parametrize(
    ("names", "ascending", "cells"),
    [
        ([], False, "abcd"),
        (["elbo"], False, "bacd"),
        (["elbo"], True, "abcd"),
        (["mig"], False, "abcd"),  # equal ones, and those without a value, as they were
        (["strengths"], False, "cbad"),
        (["strengths"], True, "adbc"),
        (["objective"], False, "acbd"),
        (["objective"], True, "acbd"),
        (["objective", "strengths"], False, "cabd"),
        (["objective", "strengths"], True, "acdb"),
        (["finite", "elbo"], False, "bacd"),
    ],
)
def test_rows_in_order(names, ascending, cells) -> None:
    assert "".join(ordered(TABLE, names, ascending=ascending)["cell"].to_pylist()) == cells


def test_lists_have_no_order() -> None:
    with pytest.raises(SweepError, match=r"sort must name columns of numbers or texts, got kl_per_latent, which is of"):
        ordered(TABLE, ["kl_per_latent"])


def test_rows_by_a_condition() -> None:
    assert met(TABLE, None) is TABLE
    assert met(TABLE, "mig > 0.1 and strengths < 2")["cell"].to_pylist() == ["a"]


def test_a_few_columns_tell_most() -> None:
    assert telling(TABLE, AXES) == [*AXES, "status", "mig", "elbo", "kl_1", "reason"]
    assert telling(TABLE, AXES, ["steps_taken", "dead"]) == [
        *AXES,
        "status",
        "steps_taken",
        "dead",
        "mig",
        "elbo",
        "reason",
    ]
    assert telling(TABLE.slice(0, 2), AXES) == [*AXES, "mig", "elbo", "kl_1"]
    assert telling(TABLE.slice(0, 3), AXES) == [*AXES, "status", "mig", "elbo", "kl_1"]
    assert telling(TABLE.slice(0, 0), AXES) == AXES
    many = TABLE.slice(0, 2)
    for name in ("reconstruction", "mean_kl", "recovered", "squared_error", "active_latents"):
        many = many.append_column(name, pa.array([1.0, 2.0]))
    assert telling(many, AXES) == [*AXES, "mig", "elbo", "reconstruction", "mean_kl", "active_latents", "recovered"]


def test_what_tells_models_of_a_cell_apart_is_shown() -> None:
    both = pa.concat_tables([TABLE, TABLE.set_column(7, "mu", pa.array([1.5, 1.5, 1.5, None]))])
    assert telling(both, AXES)[:5] == [*AXES, "mu", "status"]
