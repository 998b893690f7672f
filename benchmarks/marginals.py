"""The marginals' part of minibatch_log_density, forward, one thread: all pairs against grids.

    python benchmarks/marginals.py                 # into the results of this machine, about two minutes
    python benchmarks/marginals.py --out DIR

What the exact method takes for its marginals is its time less that of the joint alone. The three are timed in turn in
one run; medians. Writes marginals.json.
"""

import statistics
import time
from collections.abc import Callable

import pyvae
from benchmarks.script import begin, parser_of
from pyvae.bench.cases import DENSITY, FORWARD, Case, inputs
from pyvae.bench.report import duration
from pyvae.ops.gridded_marginals import gridded_marginals
from pyvae.ops.joint_log_density import joint_log_density

SIZES = [(1024, 10), (4096, 10), (16384, 10), (65536, 10), (4096, 64)]
MWS, DATASET_SIZE, RTOL = 1, 737_280, 1e-5


def evaluations(case: Case) -> dict[str, Callable[[], object]]:
    tensors = inputs(case)
    return {
        "exact": lambda: pyvae.minibatch_log_density(
            *tensors, dataset_size=DATASET_SIZE, estimator="mws", method="exact"
        ),
        "joint": lambda: joint_log_density(*tensors, DATASET_SIZE, MWS),
        "grids": lambda: gridded_marginals(*tensors, DATASET_SIZE, MWS, RTOL),
    }


def seconds(evaluate: Callable[[], object]) -> float:
    start = time.perf_counter()
    evaluate()
    return time.perf_counter() - start


def measure(rows: int, latents: int) -> dict[str, float]:
    contestants = evaluations(Case(DENSITY, rows, latents, FORWARD))
    first = {name: seconds(evaluate) for name, evaluate in contestants.items()}
    rounds = 3 if first["exact"] > 1 else min(200, int(5 / first["exact"]))
    turns = [{name: seconds(evaluate) for name, evaluate in contestants.items()} for _ in range(rounds)]
    medians = {name: statistics.median(turn[name] for turn in turns) for name in contestants}
    ratio = (medians["exact"] - medians["joint"]) / medians["grids"]
    return {"M": rows, "D": latents, "rounds": rounds, **medians, "marginals, exact over grids": ratio}


def main() -> None:
    script = begin(parser_of(__doc__, "marginals.json").parse_args(), threads=1)
    rows = []
    for size in SIZES:
        rows.append(measure(*size))
        row = rows[-1]
        print(
            f"{row['M']}x{row['D']}: exact {duration(row['exact'])}, joint {duration(row['joint'])}, "
            f"grids {duration(row['grids'])}: {row['marginals, exact over grids']:.1f}x",
            flush=True,
        )
    script.save("marginals.json", {"seconds of a forward, one thread": rows})


if __name__ == "__main__":
    main()
