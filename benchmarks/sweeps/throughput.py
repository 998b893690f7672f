"""A sweep of 64 small beta-TCVAEs: stacked shards against one cell at a time, by the same two workers of a thread each.

    python -m benchmarks.sweeps.throughput            # throughput.json into the results of this machine, half an hour

Seconds are those of training and measuring that each run notes in its about.json, so that the start of interpreters and
of a shard is in neither. Results have to be the same bits. `--cells 16 --steps 2000` is a look in two minutes.
"""

import json
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import torch
from rich.console import Console

from benchmarks.script import begin, parser_of
from pyvae.sweeps.engines.local import Local
from pyvae.sweeps.names import FOLDER, RUN, WAYS
from pyvae.sweeps.planning.config import SweepConfig
from pyvae.sweeps.run import run_sweep

STRENGTHS = (1, 2, 3, 4, 6, 8, 12, 16)
SETTINGS = {
    "objective": "beta-tcvae", "side": 16, "sizes": [3, 2, 4, 8, 8], "hidden": [64, 64], "latents": 10,
    "points": 512, "validation_images": 512, "metrics": "mig",
}  # fmt: skip
WORKERS = 2


def config_of(cells: int, steps: int) -> SweepConfig:
    axes = {"strengths": list(STRENGTHS), "seeds": list(range(max(1, cells // len(STRENGTHS))))}
    return SweepConfig("vae", "quick", {**SETTINGS, "steps": steps}, axes)


def swept(config: SweepConfig, folder: Path, shard_size: int | None) -> dict[str, object]:
    """What a sweep took, and how it was packed."""
    run_sweep(config, folder, engine=Local(WORKERS, 1), shard_size=shard_size, console=Console(stderr=True))
    abouts = [json.loads(path.read_text()) for path in folder.glob(f"{FOLDER}/*/{RUN}/about.json")]
    seconds = {phase: sum(about["seconds"][phase] for about in abouts) for phase in ("training", "evaluation")}
    return {"shards": len(abouts), "seconds": {name: round(value, 1) for name, value in seconds.items()}}


def main() -> None:
    parser = parser_of(__doc__, "throughput.json")
    parser.add_argument("--cells", type=int, default=64)
    parser.add_argument("--steps", type=int, default=25_000, help="so that a cell by itself takes 30 seconds at least")
    parser.add_argument("--folder", type=Path, help="of both sweeps, which then go on; a temporary one by default")
    arguments = parser.parse_args()
    script, config = begin(arguments), config_of(arguments.cells, arguments.steps)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        stacked = swept(config, folder / "stacked", None)
        (folder / "alone").mkdir(exist_ok=True)
        (folder / "alone" / WAYS).write_bytes((folder / "stacked" / WAYS).read_bytes())
        alone = swept(config, folder / "alone", 1)
        tables = [pq.read_table(folder / name / "results.parquet") for name in ("stacked", "alone")]
    same = tables[0].drop_columns(["shard"]).equals(tables[1].drop_columns(["shard"]))
    totals = [sum(found["seconds"].values()) for found in (stacked, alone)]  # type: ignore[attr-defined]
    facts = {
        "torch": torch.__version__, "settings": SETTINGS, "steps": arguments.steps, "cells": len(tables[0]),
        "workers": WORKERS, "stacked": stacked, "alone": alone, "seconds of a cell alone": totals[1] / len(tables[1]),
        "same results": same, "ratio": totals[1] / totals[0],
    }  # fmt: skip
    script.save("throughput.json", facts)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
