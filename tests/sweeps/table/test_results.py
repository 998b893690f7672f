"""What is in the results of made-up sweeps, and that whoever reads the file reads the same."""

import ast
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pyvae.sweeps.table.merging import FINITE, OWN, WHY_DIVERGED
from pyvae.sweeps.table.results import Counts, axes_of, counts, load_results, write_results
from tests.sweeps.synthetic import REASON, Synthetic, replace_column

FIRST = ["cell", "shard", "status", "reason", "objective", "strengths", "batch_size", "seeds"]


@pytest.fixture
def sweep(tmp_path: Path) -> Synthetic:
    """48 cells in 8 shards, of which none is done."""
    return Synthetic(tmp_path / "sweep")


def shards_of(sweep: Synthetic, objective: str) -> list[str]:
    return [shard for shard, cells in sweep.shards.items() if sweep.cells[cells[0]]["objective"] == objective]


def test_a_finished_sweep_has_a_row_for_each_cell_in_the_order_of_cells(sweep) -> None:
    sweep.finish()
    table = load_results(sweep.folder)
    assert table["cell"].to_pylist() == [*sweep.cells]
    assert table.column_names == [*FIRST, "gamma", "beta", "seed", "steps_taken", "finite", "mig", "tc"]
    rows = {row["cell"]: row for row in table.to_pylist()}
    for shard, cells in sweep.shards.items():
        for own in pq.read_table(sweep.path(shard, "rows.parquet")).to_pylist():
            row = rows[own["cell"]]
            assert row["shard"] == shard and row["cell"] in cells
            assert row["status"] == "finished" and row["reason"] is None
            assert {name: row[name] for name in sweep.cells[row["cell"]]} == sweep.cells[row["cell"]]
            assert {name: row[name] for name in own} == own
            assert row["beta" if "gamma" in own else "gamma"] is None
    assert axes_of(sweep.folder) == FIRST[4:]


def test_columns_have_the_types_of_the_study_also_without_a_value(sweep) -> None:
    sweep.finish(*shards_of(sweep, "factor-vae"), change={"steps_taken": 7, "mig": None})
    table = load_results(sweep.folder)
    assert "beta" not in table.column_names and table["mig"].null_count == len(table)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {
        **dict.fromkeys(("cell", "shard", "status", "reason", "objective"), "string"),
        **dict.fromkeys(("strengths", "gamma", "mig", "tc"), "double"),
        **dict.fromkeys(("batch_size", "seeds", "seed", "steps_taken"), "int64"),
        "finite": "bool",
    }


def test_failed_and_diverged_cells_have_their_reasons_and_open_ones_no_row(sweep) -> None:
    first, second, third = shards_of(sweep, "beta-tcvae")[:3]
    lost = sweep.shards[first][2]
    sweep.finish(first, diverged=[lost])
    sweep.fail(second, "RuntimeError: no\nluck")
    table = load_results(sweep.folder)
    rows = {row["cell"]: row for row in table.to_pylist()}
    assert {*rows} == {*sweep.shards[first], *sweep.shards[second]} and third in sweep.shards
    assert rows[lost]["status"] == "diverged" and rows[lost]["reason"] == WHY_DIVERGED and rows[lost]["mig"] is None
    for cell in sweep.shards[second]:
        row = rows[cell]
        assert (row["status"], row["reason"]) == ("failed", "RuntimeError: no luck")
        assert {name: row[name] for name in sweep.cells[cell]} == sweep.cells[cell]  # the objective is the axis's alone
        assert all(row[name] is None for name in ("beta", "seed", "finite", "mig"))
    assert counts(sweep.folder) == counts(sweep.folder, table) == Counts(finished=5, diverged=1, failed=6, open=36)


def test_a_shard_with_rows_is_finished_whatever_failed_before(sweep) -> None:
    shard = next(iter(sweep.shards))
    sweep.fail(shard)
    assert load_results(sweep.folder)["reason"].to_pylist() == [REASON] * 6
    sweep.finish(shard)
    assert load_results(sweep.folder)["status"].to_pylist() == ["finished"] * 6


def test_models_of_a_cell_stand_in_the_order_of_the_study(sweep) -> None:
    shard, cells = next(iter(sweep.shards.items()))
    sweep.finish(shard)
    path = sweep.path(shard, "rows.parquet")
    rows = pq.read_table(path)
    twice = pa.concat_tables([rows.append_column("mu", pa.array([mu] * len(rows))) for mu in (5.0, 1.0)])
    pq.write_table(twice.take([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]), path)
    table = load_results(sweep.folder)
    assert table["cell"].to_pylist() == [cell for cell in sweep.cells if cell in cells for _ in range(2)]
    assert table["mu"].to_pylist() == [1.0, 5.0] * 6
    assert counts(sweep.folder) == Counts(finished=6, diverged=0, failed=0, open=42)
    replace_column(path, "finite", [False] + [True] * 11)  # one model of a cell
    assert counts(sweep.folder) == Counts(finished=5, diverged=1, failed=0, open=42)


def test_a_sweep_of_which_nothing_is_done_has_an_empty_table(sweep) -> None:
    table = load_results(sweep.folder)
    assert len(table) == 0 and table.column_names == FIRST
    assert counts(sweep.folder) == Counts(0, 0, 0, open=48)
    (sweep.folder / "shards.json").unlink()  # not even divided into shards
    assert counts(sweep.folder) == Counts(0, 0, 0, open=48)


# --- Files that every reader takes in the same way --------------------------------------------------------------------


def test_there_is_no_nan_and_no_dictionary_and_infinity_stays(sweep) -> None:
    shard = next(iter(sweep.shards))
    sweep.finish()
    path = sweep.path(shard, "rows.parquet")
    replace_column(path, "mig", [float("nan"), 0.25, float("inf"), None, 0.5, 0.75])
    replace_column(path, "group", pa.array(["a", "b", "a", None, "b", "a"]).dictionary_encode())
    replace_column(path, "dead", [None] * 6)
    replace_column(path, "per_latent", [[0.5, 1.0], [], None, [2.0], [3.0], [4.0]])
    write_results(sweep.folder)
    table = pq.read_table(sweep.folder / "results.parquet")
    mine = table.filter(pc.field("shard") == shard)
    assert mine["mig"].to_pylist() == [None, 0.25, float("inf"), None, 0.5, 0.75]
    assert mine["group"].to_pylist() == ["a", "b", "a", None, "b", "a"] and table.schema.field("group").type == "string"
    assert mine["per_latent"].to_pylist()[:3] == [[0.5, 1.0], [], None]
    assert table.schema.field("dead").type == "double" and table["dead"].null_count == len(table)
    assert len({*table.column_names}) == len(table.column_names)
    above = pq.read_table(sweep.folder / "results.parquet", filters=pc.field("mig") > 0.2)  # by the file's statistics
    assert above.num_rows == sum(value is not None and value > 0.2 for value in table["mig"].to_pylist())


def expected_of(sweep: Synthetic) -> list[dict[str, Any]]:
    """A sweep with a bit of everything, and its rows."""
    first, second, third = [*sweep.shards][:3]
    sweep.finish(*[*sweep.shards][2:], diverged=sweep.shards[third][:2])
    sweep.fail(first)
    sweep.finish(second)
    replace_column(sweep.path(second, "rows.parquet"), "mig", [0.5, None, float("inf"), 0.25, -1.0, 0.75])
    return load_results(sweep.folder).to_pylist()


def test_pandas_reads_the_same(sweep) -> None:
    pandas = pytest.importorskip("pandas")
    expected = expected_of(sweep)
    frame = pandas.read_parquet(sweep.folder / "results.parquet", dtype_backend="numpy_nullable")
    read = [
        {name: None if value is pandas.NA else value for name, value in row.items()} for row in frame.to_dict("records")
    ]
    assert read == expected
    assert str(frame["finite"].dtype) == "boolean" and str(frame["seeds"].dtype) == "Int64"
    assert len(frame.query("strengths > 2 and mig.notna()")) == sum(
        row["strengths"] > 2 and row["mig"] is not None for row in expected
    )


def test_polars_reads_the_same(sweep) -> None:
    polars = pytest.importorskip("polars")
    expected = expected_of(sweep)
    frame = polars.scan_parquet(sweep.folder / "results.parquet")
    assert frame.collect().to_dicts() == expected
    chosen = frame.filter(polars.col("mig") > 0.3).collect()
    assert len(chosen) == sum(row["mig"] is not None and row["mig"] > 0.3 for row in expected)


def test_duckdb_reads_the_same(sweep) -> None:
    duckdb = pytest.importorskip("duckdb")
    expected, base = expected_of(sweep), duckdb.connect()

    def rows(condition: str) -> list[dict[str, Any]]:
        found = base.sql(f"from '{sweep.folder / 'results.parquet'}' where {condition}")
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]

    assert rows("true") == expected
    assert rows("mig > 0.3") == [row for row in expected if row["mig"] is not None and row["mig"] > 0.3]
    lost = [row for row in expected if row["finite"] is False or row["status"] == "failed"]
    assert rows("not finite or status = 'failed'") == lost


PAGE = (Path(__file__).parents[3] / "docs/sweep-results.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```py\n(.*?)```", PAGE, re.DOTALL), ids=lambda text: text.split()[1])
def test_examples_of_the_page_run(block, tmp_path, monkeypatch, capsys) -> None:
    pytest.importorskip(block.split()[1].partition(".")[0])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    sweep = Synthetic(tmp_path / "runs" / "sweep")
    expected_of(sweep)
    exec(compile(block, "sweep-results.md", "exec"), {})
    assert capsys.readouterr().out


def test_the_page_has_the_columns_that_every_sweep_has() -> None:
    assert [name for name in (*OWN, FINITE) if f"\n| `{name}` | " not in PAGE] == []


# --- What is imported -------------------------------------------------------------------------------------------------


def test_reading_results_needs_neither_torch_nor_studies() -> None:
    """Of what these modules import when they are imported, and of what that imports in turn."""
    root, seen = Path(__file__).parents[3], set()
    waiting = [f"pyvae.sweeps.table.{name}" for name in ("results", "where", "command")]
    while waiting:
        name = waiting.pop()
        path = root.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name in seen or not path.is_file():
            continue
        seen.add(name)
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            assert not [one for one in names if one.split(".")[0] in ("torch", "matplotlib")], path
            assert not [one for one in names if one.startswith(("pyvae.studies", "pyvae.training"))], path
            waiting += [one for one in names if one.startswith("pyvae.")]
    assert "pyvae.sweeps.table.outcomes" in seen
