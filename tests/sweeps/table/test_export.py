"""What other programs get is what there is."""

import csv as reader
import io
import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.table.export import as_json, csv, write

TABLE = pa.table(
    {
        "cell": ["a", 'with "quotes", commas and β'],
        "seeds": pa.array([1, None]),
        "step": [2**53 + 1, -1],
        "mig": pa.array([0.1 + 0.2, None]),
        "tc": [float("inf"), float("-inf")],
        "finite": pa.array([True, None]),
        "hidden": pa.array([[64, 32], None]),
    }
)


def test_json_is_what_the_table_holds() -> None:
    text = as_json(TABLE).decode()
    assert json.loads(text) == TABLE.to_pylist()
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert len(text.splitlines()) == 2 + len(TABLE)
    assert json.loads(as_json(TABLE.slice(0, 0))) == []


def test_csv_is_what_the_table_holds() -> None:
    rows = [*reader.DictReader(io.StringIO(csv(TABLE).decode()))]
    assert rows[0] == {
        **{"cell": "a", "seeds": "1", "step": "9007199254740993", "mig": "0.30000000000000004", "tc": "inf"},
        **{"finite": "true", "hidden": "[64, 32]"},
    }
    assert rows[1] == {
        **{"cell": 'with "quotes", commas and β', "seeds": "", "step": "-1", "mig": "", "tc": "-inf"},
        **{"finite": "", "hidden": ""},
    }
    flat = TABLE.drop_columns("hidden")
    assert pyarrow.csv.read_csv(io.BytesIO(csv(flat))).equals(flat)


def test_the_ending_of_a_file_says_its_format(tmp_path) -> None:
    for ending in ("csv", "json", "parquet"):
        write(TABLE, tmp_path / "new" / f"table.{ending}")
    assert pq.read_table(tmp_path / "new" / "table.parquet").equals(TABLE)
    assert (tmp_path / "new" / "table.csv").read_bytes() == csv(TABLE)
    assert (tmp_path / "new" / "table.json").read_bytes() == as_json(TABLE)
    assert len([*(tmp_path / "new").iterdir()]) == 3
    for name in ("table.xlsx", "table", "table.CSV"):
        with pytest.raises(SweepError, match=rf"out must end in .csv or .parquet or .json, got .*{name}"):
            write(TABLE, tmp_path / name)
