"""How tables become one: the order of columns, and tables that do not fit together."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyvae.sweeps.table.merging import columns_of
from pyvae.sweeps.table.results import load_results
from tests.sweeps.synthetic import Synthetic, replace_column, sentence


@pytest.fixture
def sweep(tmp_path: Path) -> Synthetic:
    """48 cells in 8 shards, of which none is done."""
    return Synthetic(tmp_path / "sweep")


def test_columns_stand_behind_those_that_they_follow() -> None:
    def layout(names: str) -> tuple[tuple[str, str], ...]:
        return tuple((name, "double") for name in names.split())

    first, second = layout("cell beta seed mig tc"), layout("cell gamma seed mig critic tc")
    assert columns_of([first]) == ["cell", "beta", "seed", "mig", "tc"]
    assert columns_of([first, second]) == ["cell", "gamma", "beta", "seed", "mig", "critic", "tc"]
    assert columns_of([first, second, first, second]) == columns_of([first, second])
    assert columns_of([]) == []


def test_rows_are_those_of_the_shards_cells(sweep) -> None:
    shard, cells = next(iter(sweep.shards.items()))
    sweep.finish(shard)
    path = sweep.path(shard, "rows.parquet")
    pq.write_table(pq.read_table(path).slice(1), path)
    assert sentence(sweep.folder) == (
        f"rows.parquet of shard {shard} must have rows of its cell {cells[0]}, but has none: delete the file, and the "
        "same pyvae sweep command measures its cells again"
    )
    sweep.finish(shard)
    replace_column(path, "cell", [*cells[:5], "feedfeedfeed"])
    assert f"must have rows of its cell {cells[5]}" in sentence(sweep.folder)
    sweep.finish(shard)
    pq.write_table(pa.concat_tables([pq.read_table(path)] * 2), path)
    replace_column(path, "cell", [*cells, *["feedfeedfeed"] * 6])
    assert (
        sentence(sweep.folder)
        == "rows of shards must be of their own cells, but some are of feedfeedfeed, which none has"
    )


def test_cells_that_are_not_the_sweeps_are_told_of(sweep) -> None:
    sweep.fail(next(iter(sweep.shards)))
    pq.write_table(pq.read_table(sweep.folder / "cells.parquet").slice(1), sweep.folder / "cells.parquet")
    assert sentence(sweep.folder) == (
        f"cells of a sweep must be in its cells.parquet, but it lacks {next(iter(sweep.cells))}, which a shard has"
    )


@pytest.mark.parametrize("name", ["shard", "status", "reason"])
def test_a_study_may_not_have_the_columns_of_results(sweep, name) -> None:
    sweep.finish(change={name: "mine"})
    assert sentence(sweep.folder) == f"table of a study must have no column {name!r}, which results have of their own"


def test_an_axis_and_a_column_of_one_name_must_agree(sweep) -> None:
    shard, cells = next(iter(sweep.shards.items()))
    sweep.finish(shard, change={"batch_size": 64.0})
    table = load_results(sweep.folder)
    assert table["batch_size"].to_pylist() == [64.0] * 6 and table.column_names.count("batch_size") == 1
    sweep.finish(shard, change={"batch_size": 65})
    assert sentence(sweep.folder) == (
        f"batch_size must be the same as an axis and in the study's table, but of cell {cells[0]} it is 64 and 65"
    )
    sweep.finish(shard, change={"batch_size": "many"})
    assert sentence(sweep.folder) == (
        "batch_size must be of one type as an axis and as a column of the study's table, got int64 and string"
    )


def test_shards_must_agree_on_the_types_of_columns(sweep) -> None:
    first, second = [*sweep.shards][:2]
    sweep.finish(first, change={"extra": 1})
    sweep.finish(second, change={"extra": 1.5})
    assert {*load_results(sweep.folder)["extra"].to_pylist()} == {1.0, 1.5}
    sweep.finish(second, change={"extra": "text"})
    assert sentence(sweep.folder).startswith("tables of all shards must have columns of the same types: ")
