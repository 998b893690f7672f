"""Results for other programs: CSV, JSON and Parquet."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pyvae.files import atomic_path
from pyvae.sweeps.errors import SweepError


def csv(table: pa.Table) -> bytes:
    """Comma-separated values in UTF-8, the columns' names first: nothing where there is no value, lists as JSON."""
    from pyarrow.csv import WriteOptions, write_csv

    columns = [
        pa.array([_json(value) if value is not None else None for value in column.to_pylist()], pa.string())
        if pa.types.is_nested(column.type)
        else column
        for column in table.columns
    ]
    sink = pa.BufferOutputStream()
    write_csv(pa.table(columns, names=table.column_names), sink, WriteOptions(quoting_style="needed"))
    return bytes(sink.getvalue())


def as_json(table: pa.Table) -> bytes:
    """An array of objects in UTF-8, one a line: null where there is no value, 1e999 for infinity, which JSON lacks."""
    names = [json.dumps(name, ensure_ascii=False) for name in table.column_names]
    columns = [map(_json, column.to_pylist()) for column in table.columns]
    rows = (
        ", ".join(f"{name}: {value}" for name, value in zip(names, row, strict=True))
        for row in zip(*columns, strict=True)
    )
    return ("[\n" + ",\n".join(f"{{{row}}}" for row in rows) + "\n]\n").encode()


def write(table: pa.Table, path: Path) -> None:
    """Writes a table, whole or not at all, in the format of the file's ending; SweepError for an ending of none."""
    if path.suffix not in WRITERS:
        raise SweepError(f"out must end in {' or '.join(WRITERS)}, got {path}")
    with atomic_path(path) as temporary:
        WRITERS[path.suffix](table, temporary)


WRITERS: Mapping[str, Callable[[pa.Table, Path], object]] = {
    ".csv": lambda table, path: path.write_bytes(csv(table)),
    ".parquet": lambda table, path: pq.write_table(table, path),
    ".json": lambda table, path: path.write_bytes(as_json(table)),
}


def _json(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return "null" if math.isnan(value) else "1e999" if value > 0 else "-1e999"
    return json.dumps(value, ensure_ascii=False)
