"""Folders of sweeps that nobody ran: the files that a finished sweep has, with numbers as a test wants them."""

import functools
import hashlib
import html
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pyvae.studies import study_named
from pyvae.studies.folder import CURVES, checkpoints_in
from pyvae.studies.folder import claimed as claimed_run
from pyvae.sweeps.folder import SweepFolder, claimed, shard_id
from pyvae.sweeps.names import LOG, ROWS, RUN
from pyvae.sweeps.planning.plan import Best, SweepConfig
from pyvae.sweeps.report.sweep import Sweep, open_sweep
from pyvae.training import train

STUDY = "biased-grid"
SETTINGS: dict[str, Any] = {
    "mus": [0.0], "steps": 60, "curve_every": 10, "validate_every": 20, "hidden": [8], "latents": 3, "blocks": 2,
    "pixels": 2, "batch_size": 16, "validation_images": 16, "information_images": 32, "sample_images": 2,
    "baseline_runs": 1, "warmup_steps": 0,
}  # fmt: skip

Measured = Callable[[Mapping[str, Any]], Any]
"""Of a cell's values: the numbers of its model, a list of rows where it has several, or why it failed, in a text."""


def sweep(
    folder: Path,
    axes: Any,
    measured: Measured,
    *,
    best: Best | None = None,
    open_cells: int = 0,
    run: Path | None = None,
    **settings: Any,
) -> Path:
    """A sweep's folder; the last `open_cells` cells have not been run. Shards have eight cells, failed ones one; `run`
    is that of all finished ones.
    """
    config = SweepConfig(STUDY, "quick", {**SETTINGS, **settings}, axes, best)
    with claimed(folder, config) as (held, plan):
        outcomes = {cell.id: measured(cell.values) for cell in plan.cells[: len(plan.cells) - open_cells]}
        failed = {name: found for name, found in outcomes.items() if isinstance(found, str)}
        rows = {
            cell.id: _rows(cell.values, outcomes[cell.id])
            for cell in plan.cells
            if cell.id in outcomes and cell.id not in failed
        }
        names = list(rows)
        shards = [names[k : k + 8] for k in range(0, len(names), 8)] + [[name] for name in failed]
        held.write_shards({shard_id(cells): cells for cells in shards})
        for cells in shards:
            (_failed if cells[0] in failed else _finished)(held, cells, failed if cells[0] in failed else rows)
            if run is not None and cells[0] not in failed:
                (held.shard(shard_id(cells)) / RUN).symlink_to(run)
    return folder


def opened(*arguments: Any, **more: Any) -> Sweep:
    """The same as its page sees it."""
    return open_sweep(sweep(*arguments, **more))


def trained(folder: Path, strengths: tuple[float, ...], seeds: tuple[int, ...]) -> Path:
    """A run of the study with models and curves, and nothing measured."""
    study = study_named(STUDY)
    config = study.preset("quick").replaced(**SETTINGS, strengths=strengths, seeds=seeds)
    (recipe,) = study.recipes(config).values()
    with claimed_run(study, config, folder, resume=False):
        models = train(recipe, checkpoints=checkpoints_in(folder))
    pq.write_table(models.curves.table(models.cells, recipe.axes), folder / CURVES)
    return folder


def words(page: str) -> str:
    """What a reader sees of a page without its script and pictures, a line for each paragraph or row."""
    body = page[page.index("<main>") : page.index("</main>")]
    body = re.sub(r"<svg.*?</svg>|<img[^>]*>", "", body, flags=re.DOTALL)
    lines = re.sub(r"</(p|li|tr|h\d|summary|figcaption)>", "\n", re.sub(r"<br>|</t[dh]>", " | ", body))
    return html.unescape(re.sub(r"<[^>]+>", "", lines))


def of(function: Callable[..., float], column: str = "mig", **more: Callable[..., float]) -> Measured:
    """Cells whose numbers are functions of their values, which these take by name; NaN is a model that diverged."""
    columns = {column: function, **more}

    def measured(values: Mapping[str, Any]) -> dict[str, Any]:
        found = {name: float(one(**values)) for name, one in columns.items()}
        finite = all(value == value for value in found.values())
        return {"finite": finite, **(found if finite else dict.fromkeys(found))}

    return measured


def _rows(values: Mapping[str, Any], found: Any) -> list[dict[str, Any]]:
    coordinates = {"mu": 0.0, "beta": float(values.get("strengths", 1.0)), "seed": values.get("seeds", 0)}
    return [{**coordinates, **row} for row in (found if isinstance(found, list) else [found])]


def _finished(held: SweepFolder, cells: list[str], rows: Mapping[str, list[dict[str, Any]]]) -> None:
    path = held.shard(shard_id(cells)) / ROWS
    path.parent.mkdir(parents=True)
    table = [{"cell": cell, **row} for cell in cells for row in rows[cell]]
    pq.write_table(pa.Table.from_pylist(table, _schema(table[0])), path)


def _schema(row: Mapping[str, Any]) -> pa.Schema:
    kinds = {"cell": pa.string(), "seed": pa.int64(), "finite": pa.bool_(), "group": pa.string()}
    return pa.schema([(name, kinds.get(name, pa.float64())) for name in row])


def _failed(held: SweepFolder, cells: list[str], reasons: Mapping[str, str]) -> None:
    name = shard_id(cells)
    held.fail(name, reasons[cells[0]], "Traceback", 1)
    log = [f"line {k} <of> {cells[0]}" for k in range(100)]
    (held.shard(name) / LOG).write_text("\n".join(log) + "\n")


@functools.cache
def noise(*values: Any) -> float:
    """A number in [-1, 1], the same for the same values."""
    digest = hashlib.sha256(json.dumps(values).encode()).digest()
    return int.from_bytes(digest[:4]) / 2**31 - 1
