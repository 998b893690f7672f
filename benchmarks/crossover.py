"""Where grids overtake the sum over all pairs and latents: whole minibatch_log_density, forward + backward.

    python benchmarks/crossover.py                 # into the results of this machine, about a minute
    python benchmarks/crossover.py --out DIR

What method="auto" goes by (pyvae/ops/minibatch_log_density.py). Both methods get the same inputs, in turn; medians.
Writes crossover.json: seconds of each, and how many times longer all pairs take.
"""

import statistics
import time
from collections.abc import Callable

import torch

import pyvae
from benchmarks.script import begin, parser_of
from pyvae.bench.cases import BACKWARD, DENSITY, Case, inputs
from pyvae.bench.report import duration

LATENTS = (1, 2, 4, 10, 32, 128)
ROWS = (128, 256, 384, 512, 768, 1024, 1536, 2048)
METHODS = ("exact", "gridded")
CASE_SECONDS, MOST_ROUNDS = 0.8, 200


def evaluation(case: Case, method: str) -> Callable[[], float]:
    """Times one forward + backward, in seconds."""
    leaves = inputs(case)

    def evaluate() -> float:
        start = time.perf_counter()
        joint, marginals = pyvae.minibatch_log_density(*leaves, dataset_size=10**6, estimator="mws", method=method)
        torch.autograd.grad((joint - marginals.sum(-1)).mean(), leaves)
        return time.perf_counter() - start

    return evaluate


def measure(rows: int, latents: int) -> dict[str, float]:
    contestants = {method: evaluation(Case(DENSITY, rows, latents, BACKWARD), method) for method in METHODS}
    once = sum(max(evaluate(), evaluate()) for evaluate in contestants.values())
    rounds = max(5, min(MOST_ROUNDS, int(CASE_SECONDS / once)))
    turns = [{method: evaluate() for method, evaluate in contestants.items()} for _ in range(rounds)]
    medians = {method: statistics.median(turn[method] for turn in turns) for method in METHODS}
    return {"M": rows, "D": latents, **medians, "exact over gridded": medians["exact"] / medians["gridded"]}


def main() -> None:
    script = begin(parser_of(__doc__, "crossover.json").parse_args())
    rows = []
    for latents in LATENTS:
        for m in ROWS:
            rows.append(measure(m, latents))
            row = rows[-1]
            print(
                f"{m}x{latents}: exact {duration(row['exact'])}, gridded {duration(row['gridded'])}: "
                f"{row['exact over gridded']:.2f}x",
                flush=True,
            )
    script.save("crossover.json", {"forward + backward": rows})


if __name__ == "__main__":
    main()
