"""What a sweep's files say of its cells and shards: rows of shards that are finished, reasons of those that failed."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import CELLS, FAILURE, FOLDER, ROWS, SHARDS

CELL = "cell"
"""The column that says whose a row is, of cells.parquet and of every rows.parquet."""
COMMAND = "the same pyvae sweep command"

Version = tuple[int, int]
"""What tells a version of a file from others: when it was written, in nanoseconds, and its size."""


class Stamp(NamedTuple):
    """The file that says what became of a shard, and which version of it."""

    file: str
    """ROWS or FAILURE."""
    version: Version


class Outcomes(NamedTuple):
    """What became of shards."""

    rows: dict[str, pa.Table]
    """Of finished ones, as rows.parquet has them."""
    reasons: dict[str, str]
    """Of failed ones, a sentence each."""


def read_shards(folder: Path) -> dict[str, list[str]]:
    """The ids of each shard's cells; none where no shard has been made. SweepError where the file is damaged."""
    path = folder / SHARDS
    try:
        held = json.loads(path.read_text())
        return {str(shard): [str(cell) for cell in cells] for shard, cells in held.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, RecursionError, AttributeError, TypeError) as problem:
        raise SweepError(f"{path} is damaged, put back a copy of it: {problem}") from None


def read_cells(folder: Path) -> pa.Table:
    """Every cell with its values of the axes; SweepError where there is no sweep, or the file is damaged."""
    cells = _read_table(folder / CELLS, f"{COMMAND} writes it again")
    if cells is None:
        raise no_sweep(folder)
    return cells


def no_sweep(folder: Path) -> SweepError:
    """That a folder holds none."""
    return SweepError(f"folder must hold a sweep, but {folder} has no {CELLS}")


def version_of(file: Path | int) -> Version:
    """The version of a file, by its path or the descriptor of an open one."""
    found = os.stat(file)
    return found.st_mtime_ns, found.st_size


def stamps(folder: Path, shards: Iterable[str]) -> dict[str, Stamp]:
    """Of every shard that is finished or has failed; one with both files is finished."""
    root = os.fspath(folder / FOLDER)
    found = {shard: _stamp(f"{root}/{shard}") for shard in shards}
    return {shard: stamp for shard, stamp in found.items() if stamp is not None}


def read(folder: Path, stamps: Mapping[str, Stamp]) -> Outcomes:
    """What shards left; those whose file has gone since it was seen are open again, and left out.

    Raises SweepError that names a file which is damaged, and says what to do.
    """
    finished = [shard for shard, stamp in stamps.items() if stamp.file == ROWS]
    failed = [shard for shard, stamp in stamps.items() if stamp.file == FAILURE]
    tables = [_rows(folder / FOLDER / shard / ROWS) for shard in finished]
    reasons = [_reason(folder / FOLDER / shard / FAILURE) for shard in failed]
    return Outcomes(_present(finished, tables), _present(failed, reasons))


def _stamp(shard: str) -> Stamp | None:
    for file in (ROWS, FAILURE):
        try:
            found = os.stat(f"{shard}/{file}")
        except (FileNotFoundError, NotADirectoryError):
            continue
        return Stamp(file, (found.st_mtime_ns, found.st_size))
    return None


def _rows(path: Path) -> pa.Table | None:
    return _read_table(path, f"{COMMAND} measures its cells again")


def _read_table(path: Path, then: str) -> pa.Table | None:
    """A table that has cells; None where there is no file."""
    try:
        with pq.ParquetFile(path) as file:
            table = file.read(use_threads=False).replace_schema_metadata()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (pa.ArrowException, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            raise  # of the system, not of what the file holds
        raise _damaged(path, then, str(problem)) from None
    if CELL not in table.column_names:
        raise _damaged(path, then, f"it has no column {CELL!r}")
    return table


def _reason(path: Path) -> str | None:
    try:
        return " ".join(str(json.loads(path.read_text())["reason"]).split())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError, KeyError, TypeError):
        raise _damaged(path, f"{COMMAND} tries its cells again", "it holds no reason") from None


def _damaged(path: Path, then: str, problem: str) -> SweepError:
    return SweepError(f"{path} is damaged, delete it, and {then}: {' '.join(problem.split())}")


def _present(shards: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return {shard: value for shard, value in zip(shards, values, strict=True) if value is not None}
