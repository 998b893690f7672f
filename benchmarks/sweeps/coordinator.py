"""What the coordinator of a sweep takes itself: 2 000 cells, each a shard of its own, by two workers of a thread each.

    python -m benchmarks.sweeps.coordinator            # coordinator.json into the results of this machine, ten minutes

Its processor time is that of the whole call, planning, packing and the final table included, but for importing torch
and for the report. Cells are shorter here than the second that the share is told of: what a cell costs the coordinator
does not depend on its length, but for looking at the workers, once a second.
"""

import json
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import pyarrow.parquet as pq
import torch
from rich.console import Console

from benchmarks.script import begin, parser_of
from pyvae.sweeps import run
from pyvae.sweeps.engines.local import Local
from pyvae.sweeps.planning.config import SweepConfig

STRENGTHS, RATES = (1, 2, 4, 8), (1e-3, 2e-3, 4e-3, 8e-3)
SETTINGS = {
    "steps": 64, "hidden": [16], "latents": 16, "side": 16, "sizes": [2, 2, 2, 4, 4], "batch_size": 16,
    "validation_images": 16, "points": 64, "metrics": None,
}  # fmt: skip
CELL_SECONDS = 1.0


def main() -> None:
    parser = parser_of(__doc__, "coordinator.json")
    parser.add_argument("--cells", type=int, default=2_000)
    arguments = parser.parse_args()
    script = begin(arguments)
    seeds = list(range(arguments.cells // (len(STRENGTHS) * len(RATES))))
    axes = {"strengths": list(STRENGTHS), "learning_rate": list(RATES), "seeds": seeds}
    config = SweepConfig("vae", "quick", SETTINGS, axes)
    with tempfile.TemporaryDirectory() as temporary, patch.object(run, "_report"):
        folder, begun, before = Path(temporary) / "sweep", time.perf_counter(), time.process_time()
        run.run_sweep(config, folder, engine=Local(2, 1), shard_size=1, console=Console(stderr=True))
        taken, wall = time.process_time() - before, time.perf_counter() - begun
        cells = len(pq.read_table(folder / "results.parquet"))
    facts = {
        "torch": torch.__version__, "cells": cells, "seconds": round(wall, 1),
        "processor seconds of the coordinator": round(taken, 2),
        "share of cells of a second": taken / (cells * CELL_SECONDS),
    }  # fmt: skip
    script.save("coordinator.json", facts)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
