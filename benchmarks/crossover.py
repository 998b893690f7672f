"""Where grids overtake the sum over all pairs and latents: whole minibatch_log_density, forward + backward.

    python -m benchmarks.crossover                 # into the results of this machine, about six minutes
    python -m benchmarks.crossover --out DIR

What method="auto" goes by (pyvae/ops/minibatch_log_density.py), and how well it chooses. Both methods get the same
queries and posteriors, in turn; medians; gradients of z, mu and logvar, and of z alone, which come with the forward.
Writes crossover.json: seconds of each, how many times longer all pairs take, what "auto" takes, and its time over the
better one's.
"""

import itertools
import statistics
import time
from collections.abc import Callable

import torch

import pyvae
from benchmarks.script import begin, parser_of
from pyvae.bench.report import duration
from pyvae.ops.gridded_marginals import takes_grids

QUERIES = (64, 256, 1024, 4096)
POSTERIORS = (64, 256, 1024, 4096, 16384, 65536)
LATENTS = (2, 10, 32, 64)
SIGMA = 0.4
METHODS = ("exact", "gridded")
GRADIENTS = {"all": 3, "z": 1}
CASE_SECONDS, MOST_ROUNDS, LEAST_ROUNDS = 0.8, 200, 3
CLOSE = 1.1
"""A choice that takes at most so many times as long as the better method is counted as close to it."""


def inputs(queries: int, columns: int, latents: int) -> list[torch.Tensor]:
    """z, mu, logvar of posteriors that overlap a little, as trained ones do; queries are samples of some of them."""
    generator = torch.Generator().manual_seed(0)
    mu, spread = (torch.randn(columns, latents, generator=generator) for _ in range(2))
    logvar = 2 * (torch.tensor(SIGMA).log() + 0.1 * spread)
    of = torch.randint(columns, (queries,), generator=generator)
    return [mu[of] + SIGMA * torch.randn(queries, latents, generator=generator), mu, logvar]


def evaluation(tensors: list[torch.Tensor], method: str, leaves: int) -> Callable[[], float]:
    """Times one forward + backward, in seconds."""
    arguments = [t.clone().requires_grad_(k < leaves) for k, t in enumerate(tensors)]

    def evaluate() -> float:
        start = time.perf_counter()
        joint, marginals = pyvae.minibatch_log_density(*arguments, estimator="full", method=method)
        torch.autograd.grad((joint - marginals.sum(-1)).mean(), arguments[:leaves])
        return time.perf_counter() - start

    return evaluate


def measure(queries: int, columns: int, latents: int, gradients: str) -> dict[str, float | str]:
    tensors = inputs(queries, columns, latents)
    contestants = {method: evaluation(tensors, method, GRADIENTS[gradients]) for method in METHODS}
    once = sum(min(evaluate(), evaluate()) for evaluate in contestants.values())
    rounds = max(LEAST_ROUNDS, min(MOST_ROUNDS, int(CASE_SECONDS / once)))
    turns = [{method: evaluate() for method, evaluate in contestants.items()} for _ in range(rounds)]
    medians = {method: statistics.median(turn[method] for turn in turns) for method in METHODS}
    auto = "gridded" if takes_grids("auto", *tensors[:2]) else "exact"
    return {
        "Q": queries,
        "M": columns,
        "D": latents,
        "gradients": gradients,
        **medians,
        "exact over gridded": medians["exact"] / medians["gridded"],
        "auto": auto,
        "auto over the better": medians[auto] / min(medians.values()),
    }


def verdict(rows: list[dict[str, float | str]]) -> dict[str, float]:
    """How many choices are close to the better method, and the farthest from it."""
    ratios = sorted(float(row["auto over the better"]) for row in rows)
    close = sum(ratio <= CLOSE for ratio in ratios) / len(ratios)
    return {"points": len(ratios), f"share within {CLOSE}": close, "farthest": ratios[-1]}


def main() -> None:
    script = begin(parser_of(__doc__, "crossover.json").parse_args())
    rows = []
    for gradients, latents, queries, columns in itertools.product(GRADIENTS, LATENTS, QUERIES, POSTERIORS):
        row = measure(queries, columns, latents, gradients)
        rows.append(row)
        exact, gridded = (duration(float(row[method])) for method in METHODS)
        print(
            f"gradients of {gradients}, {queries} x {columns} x {latents}: exact {exact}, gridded {gridded}: "
            f"{row['exact over gridded']:.2f}x; auto takes {row['auto']}, {row['auto over the better']:.2f}",
            flush=True,
        )
    choices = {gradients: verdict([row for row in rows if row["gradients"] == gradients]) for gradients in GRADIENTS}
    print(choices)
    script.save("crossover.json", {"auto over the better": choices, "forward + backward": rows})


if __name__ == "__main__":
    main()
