"""Damaged files of a sweep: one sentence that names the file and says what to do."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyvae.sweeps.table.results import counts
from tests.sweeps.synthetic import Synthetic, sentence


@pytest.fixture
def sweep(tmp_path: Path) -> Synthetic:
    """48 cells in 8 shards, of which none is done."""
    return Synthetic(tmp_path / "sweep")


def test_a_folder_without_a_sweep_is_told_of(tmp_path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "nothing", tmp_path / "file"):
        assert sentence(folder) == f"folder must hold a sweep, but {folder} has no cells.parquet"


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_a_torn_table_of_a_shard_is_named(sweep, kept) -> None:
    shard = [*sweep.shards][3]
    sweep.finish()
    path = sweep.path(shard, "rows.parquet")
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    told = sentence(sweep.folder)
    assert told.startswith(f"{path} is damaged, delete it, and the same pyvae sweep command measures its cells again: ")
    path.unlink()
    assert counts(sweep.folder).open == 6


def test_a_table_of_a_shard_with_broken_pages_is_named(sweep) -> None:
    shard = [*sweep.shards][3]
    sweep.finish()
    path = sweep.path(shard, "rows.parquet")
    data = bytearray(path.read_bytes())
    data[4:400] = bytes(396)
    path.write_bytes(data)
    assert sentence(sweep.folder).startswith(f"{path} is damaged, delete it, and ")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"text"', "\xff", "[" * 100_000])
def test_a_failure_without_a_reason_is_named(sweep, text) -> None:
    path = sweep.path(next(iter(sweep.shards)), "failure.json")
    path.write_bytes(text.encode("latin-1"))
    told = f"{path} is damaged, delete it, and the same pyvae sweep command tries its cells again: it holds no reason"
    assert sentence(sweep.folder) == told


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', "nonsense"])
def test_damaged_shards_are_named(sweep, text) -> None:
    path = sweep.folder / "shards.json"
    path.write_text(text)
    assert sentence(sweep.folder).startswith(f"{path} is damaged, put back a copy of it: ")


def test_damaged_cells_are_named(sweep) -> None:
    path = sweep.folder / "cells.parquet"
    path.write_bytes(path.read_bytes()[:100])
    assert sentence(sweep.folder).startswith(
        f"{path} is damaged, delete it, and the same pyvae sweep command writes it again: "
    )
    pq.write_table(pa.table({"beta": [1.0]}), path)
    assert sentence(sweep.folder).endswith("it has no column 'cell'")
