"""Folders of sweeps that nobody ran: the files of some cells and shards, with made-up numbers."""

import hashlib
import itertools
import json
import random
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyvae.files import atomic_path
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import RESULTS_LOCK
from pyvae.sweeps.table.results import load_results

REASON = "OutOfMemoryError: a worker was killed"


class Synthetic:
    """A sweep of so many cells in shards of `most`, over objective, strengths, batch_size and seeds; no shard is done.

    Cells of beta-vae and beta-tcvae have `beta`, those of factor-vae `gamma` in the study's table.
    """

    OBJECTIVES = ("beta-tcvae", "factor-vae")

    def __init__(self, folder: Path, cells: int = 48, most: int = 6, *, scores: Sequence[str] = ("mig", "tc")) -> None:
        self.folder, self.scores = folder, scores
        self.cells: dict[str, dict[str, Any]] = {}
        self.shards: dict[str, list[str]] = {}
        self.add(cells, most)

    def add(self, count: int, most: int) -> list[str]:
        """So many cells more, and the ids of their shards."""
        new = [self._values(k) for k in range(len(self.cells), len(self.cells) + count)]
        ids = [_digest(repr(values)) for values in new]
        self.cells |= dict(zip(ids, new, strict=True))
        made = []
        for objective in self.OBJECTIVES:  # a shard is a run of one
            mine = [cell for cell, values in zip(ids, new, strict=True) if values["objective"] == objective]
            for start in range(0, len(mine), most):
                members = mine[start : start + most]
                self.shards[_digest(" ".join(members))] = members
                made.append(_digest(" ".join(members)))
        self.write()
        return made

    def write(self) -> None:
        """cells.parquet, shards.json and the lock of results."""
        self.folder.mkdir(exist_ok=True)
        columns: dict[str, list[Any]] = {"cell": [*self.cells]}
        for name in next(iter(self.cells.values())):
            columns[name] = [values.get(name) for values in self.cells.values()]
        with atomic_path(self.folder / "cells.parquet") as path:
            pq.write_table(pa.table(columns), path)
        (self.folder / "shards.json").write_text(json.dumps(self.shards))
        (self.folder / RESULTS_LOCK).touch()  # as a coordinator leaves it
        for shard in self.shards:
            (self.folder / "shards" / shard).mkdir(parents=True, exist_ok=True)

    def path(self, shard: str, file: str) -> Path:
        """A file of a shard."""
        return self.folder / "shards" / shard / file

    def finish(self, *shards: str, diverged: Sequence[str] = (), change: Mapping[str, Any] | None = None) -> None:
        """Writes rows.parquet of some shards, or of all; the cells in `diverged` have no scores."""
        for shard in shards or self.shards:
            rows = [self._row(cell, cell in diverged) | (change or {}) for cell in self.shards[shard]]
            with atomic_path(self.path(shard, "rows.parquet")) as path:
                pq.write_table(pa.Table.from_pylist(rows, self._schema(rows[0])), path)

    def fail(self, shard: str, reason: str = REASON) -> None:
        """Gives a shard up."""
        held = {"reason": reason, "traceback": "Traceback …", "attempts": 2, "when": "2031-01-01T00:00:00+00:00"}
        self.path(shard, "failure.json").write_text(json.dumps(held))

    def _values(self, k: int) -> dict[str, Any]:
        """Of cell k: strengths vary fastest, then seeds."""
        strengths, seeds = (1.0, 2.0, 4.0, 8.0), (0, 1, 2)
        turn, at = divmod(k, len(strengths) * len(seeds))
        strength, seed = [*itertools.product(strengths, seeds)][at]
        objective = self.OBJECTIVES[turn % len(self.OBJECTIVES)]
        size = 64 * (1 + turn // len(self.OBJECTIVES))
        return {"objective": objective, "strengths": strength, "batch_size": size, "seeds": seed}

    def _row(self, cell: str, diverged: bool) -> dict[str, Any]:
        values, draw = self.cells[cell], random.Random(cell)
        strength = "gamma" if values["objective"] == "factor-vae" else "beta"
        scores = {name: None if diverged else draw.random() for name in self.scores}
        at = {strength: values["strengths"], "seed": values["seeds"]}
        return {
            "cell": cell,
            "objective": values["objective"],
            **at,
            "steps_taken": 100,
            "finite": not diverged,
            **scores,
        }

    def _schema(self, row: Mapping[str, Any]) -> pa.Schema:
        kinds = {"cell": pa.string(), "objective": pa.string(), "finite": pa.bool_()}
        whole = dict.fromkeys(("seed", "steps_taken"), pa.int64())
        known = kinds | whole | dict.fromkeys(("beta", "gamma", *self.scores), pa.float64())
        return pa.schema([(name, known[name] if name in known else pa.array([row[name]]).type) for name in row])


def replace_column(path: Path, name: str, column: Any) -> None:
    """Writes a table again with a column changed or added."""
    table = pq.read_table(path)
    at = table.column_names.index(name) if name in table.column_names else None
    column = pa.array(column) if isinstance(column, list) else column
    pq.write_table(table.append_column(name, column) if at is None else table.set_column(at, name, column), path)


def from_files(folder: Path) -> pa.Table:
    """The results of a sweep by the files of its cells and shards alone."""
    with tempfile.TemporaryDirectory() as empty:
        return load_results(shutil.copytree(folder, Path(empty) / "copy", ignore=shutil.ignore_patterns("results.*")))


def sentence(folder: Path) -> str:
    """What reading the results of a sweep refuses with."""
    with pytest.raises(SweepError) as refusal:
        load_results(folder)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
