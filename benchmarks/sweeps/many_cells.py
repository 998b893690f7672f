"""A sweep of 10 000 cells, all but one shard finished: how soon its table is shown, and how soon it goes on.

    python -m benchmarks.sweeps.many_cells            # many_cells.json into the results of this machine, a minute

Whole commands in processes of their own, their start included; beside them what importing torch alone takes, which each
of them has to. The numbers of the models are made up: reading and sorting them takes as long.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from rich.console import Console

from benchmarks.script import begin, parser_of
from pyvae.sweeps.folder import SweepFolder, claimed
from pyvae.sweeps.names import CELLS, ORDER, RESULTS, ROWS
from pyvae.sweeps.planning.config import SweepConfig
from pyvae.sweeps.planning.plan import Plan
from pyvae.sweeps.run import pack, ways_of

STRENGTHS = tuple(range(1, 26))
MEASURES = (
    "reconstruction", "squared_error", "elbo", "mean_kl", "aggregate_information", "aggregate_total_correlation",
    "aggregate_dimwise_kl", "mig", "dci_disentanglement", "dci_completeness", "dci_informativeness", "linear_r2",
)  # fmt: skip
SHARD_SIZE, REPEATS = 16, 5


def made(folder: Path, cells: int) -> Path:
    """The folder of such a sweep; returns that of the shard that is open."""
    rates = [1e-4 * k for k in range(1, 11)]
    seeds = list(range(cells // (len(STRENGTHS) * len(rates))))
    axes = {"strengths": list(STRENGTHS), "learning_rate": rates, "seeds": seeds}
    config, quiet = SweepConfig("vae", "quick", {"steps": 10, "metrics": None}, axes), Console(stderr=True)
    with claimed(folder, config) as (held, plan):
        ways_of(held, quiet)
        pack(held, plan, 2, SHARD_SIZE, quiet)
        return _finished(held, plan)


def _finished(held: SweepFolder, plan: Plan) -> Path:
    values, draw = {cell.id: cell.values for cell in plan.cells}, random.Random(0)
    *done, left = held.shards().items()
    for name, cells in done:
        rows = [
            {"cell": cell, "beta": float(values[cell]["strengths"]), "seed": values[cell]["seeds"], "steps_taken": 10,
             "finite": True, **{measure: draw.random() for measure in MEASURES}}
            for cell in cells
        ]  # fmt: skip
        shard = held.shard(name)
        shard.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), shard / ROWS)
    return held.shard(left[0])


def seconds(*words: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def started(folder: Path, shard: Path) -> float:
    """Seconds until the sweep gives out the shard that is open; the sweep is stopped then."""
    (shard / ORDER).unlink(missing_ok=True)
    begun = time.perf_counter()
    command = [sys.executable, "-m", "pyvae", "sweep", str(folder), "--workers", "1", "--threads", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (shard / ORDER).exists():
        if process.poll() is not None:
            raise RuntimeError(f"the sweep ended with {process.returncode} before it gave out its last shard")
        time.sleep(0.005)
    taken = time.perf_counter() - begun
    process.kill()
    process.wait()
    return taken


def main() -> None:
    parser = parser_of(__doc__, "many_cells.json")
    parser.add_argument("--cells", type=int, default=10_000)
    arguments = parser.parse_args()
    script = begin(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "sweep"
        shard = made(folder, arguments.cells)
        results = ["-m", "pyvae", "results", str(folder), "--sort", "mig", "--limit", "10"]
        found: dict[str, list[float]] = {"import torch": [], "results, first": [], "results": [], "resume": []}
        for _ in range(REPEATS):
            found["import torch"].append(seconds("-c", "import torch"))
            (folder / RESULTS).unlink(missing_ok=True)
            found["results, first"].append(seconds(*results))
            found["results"].append(seconds(*results))
            found["resume"].append(started(folder, shard))
        cells = len(pq.read_table(folder / CELLS))
    facts = {
        "torch": torch.__version__, "cells": cells, "shards": -(-cells // SHARD_SIZE),
        "seconds": {name: round(statistics.median(taken), 2) for name, taken in found.items()},
    }  # fmt: skip
    script.save("many_cells.json", facts)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
