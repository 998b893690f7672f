"""The machine's ceilings and the ops beside their peers, as ops.json, written after every case.

python -m benchmarks.gpu.measure --out build/gpu/out
python -m benchmarks.gpu.measure --device cpu --toy --out /tmp/dry      # the same program without a GPU
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.gpu.arguments import parse
from benchmarks.gpu.bars import of_ops
from benchmarks.gpu.cases import cases, providers
from pyvae.bench import ceilings, gpu
from pyvae.bench.cases import Case
from pyvae.bench.contest import failure
from pyvae.bench.engine import FULL, Effort, Engine
from pyvae.bench.providers import OURS
from pyvae.bench.results import Row
from pyvae.files import atomic_write_text

EFFORT = replace(
    FULL,
    budget_seconds=0.5,
    most_rounds=20,
    ours_seconds=5.0,
    peer_seconds=5.0,
    memory_seconds=1.0,
    memory_bytes=100 * 10**9,
    forward_memory=False,
)
TOY_EFFORT = replace(EFFORT, budget_seconds=1e-3, most_rounds=1, forward_memory=False, elementwise_memory=False)


def engine(device: str, effort: Effort) -> tuple[Engine, ceilings.Ceilings | gpu.GpuCeilings]:
    """What measures on a device, and the ceilings that it states shares of."""
    if device == "cpu":
        on_cpu = ceilings.measure_ceilings()
        return Engine(on_cpu, effort, providers=providers), on_cpu
    on_gpu = gpu.measure_ceilings(device)
    return gpu.gpu_engine(on_gpu, effort, device, providers), on_gpu


def row_of(measure: Callable[[Case], Row], case: Case) -> Row:
    """A case's row; one without times and with a note where pyvae itself fails, so that the others are measured."""
    try:
        return measure(case)
    except Exception as error:  # whatever a kernel that has never run may raise
        return Row(case, {}, {}, {OURS: failure(error)})


def save(out: Path, rates: ceilings.Ceilings | gpu.GpuCeilings, rows: list[Row], left_out: list[Case]) -> None:
    found = {
        "ceilings": asdict(rates),
        "rows": [asdict(row) for row in rows],
        "left out": [str(case) for case in left_out],
        "bars": [asdict(verdict) for verdict in of_ops(rows)],
    }
    atomic_write_text(out / "ops.json", json.dumps(found, indent=1) + "\n")


def main() -> None:
    arguments = parse(__doc__)
    end = time.monotonic() + arguments.seconds
    measuring, rates = engine(arguments.device, TOY_EFFORT if arguments.toy else EFFORT)
    rows: list[Row] = []
    every = list(cases(toy=arguments.toy))
    for place, case in enumerate(every):
        if time.monotonic() > end:
            break
        rows.append(row_of(measuring.measure, case))
        save(arguments.out, rates, rows, every[place + 1 :])
        print(
            case, {name: f"{1e3 * t.median:.4g} ms" for name, t in rows[-1].timings.items()}, rows[-1].notes, flush=True
        )
    failed = [row for row in rows if row.disagrees or OURS not in row.timings]
    print(f"{len(rows)} of {len(every)} cases measured, {len(failed)} without a time")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
