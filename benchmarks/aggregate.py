"""What questions to the aggregate posterior of 737 280 data points cost, in seconds.

    python benchmarks/aggregate.py                 # into the results of this machine
    python benchmarks/aggregate.py --out DIR

Posteriors like those of an encoder of dSprites: D = 10, five narrow latents that each follow one of the factors (3, 6,
40, 32 and 32 values), five collapsed ones; in the data set's order (the first factor slowest) and shuffled. 10 000
samples, for the conditional entropies 10 000 of each of the 113 values. The fastest of a few rounds, and their median.
"""

import math
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

import pyvae
from benchmarks.script import begin, parser_of
from pyvae.aggregate import AggregatePosterior
from pyvae.metrics import mig

FACTORS = (3, 6, 40, 32, 32)
STANDARD_DEVIATIONS = (0.1, 0.05, 0.15, 0.03, 0.03)
COLLAPSED = 5
SAMPLES = 10_000


def data_set(*, shuffled: bool) -> tuple[Tensor, Tensor, Tensor]:
    """mu, logvar [N, 10] and labels [N, 5]."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.cartesian_prod(*map(torch.arange, FACTORS))
    if shuffled:
        labels = labels[torch.randperm(len(labels), generator=generator)]
    codes = 3.4 * (labels / (torch.tensor(FACTORS) - 1) - 0.5)  # as wide as the prior
    narrow = 2 * torch.tensor(STANDARD_DEVIATIONS).log()
    noise = torch.randn(2, len(labels), len(FACTORS) + COLLAPSED, generator=generator)
    mu = torch.cat([codes, torch.zeros(len(labels), COLLAPSED)], 1) + 0.05 * noise[0]
    logvar = torch.cat([narrow, torch.zeros(COLLAPSED)]) + 0.1 * noise[1]
    return mu, logvar, labels


def questions(posterior: AggregatePosterior, labels: Tensor) -> dict[str, Callable[[], object]]:
    return {
        "marginal entropies": lambda: posterior.marginal_entropies(SAMPLES, seed=0),
        "conditional entropies": lambda: posterior.conditional_entropies(labels, SAMPLES, seed=0),
        "mutual information gap": lambda: mig(posterior, labels, samples=SAMPLES, seed=0),
        "KL decomposition": lambda: posterior.kl_decomposition(SAMPLES, seed=0),
    }


def seconds(run: Callable[[], object], rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def measure(rounds: int, *, shuffled: bool) -> dict[str, dict[str, float]]:
    mu, logvar, labels = data_set(shuffled=shuffled)
    posterior = pyvae.aggregate_posterior(mu, logvar)
    runs = {"construction": lambda: pyvae.aggregate_posterior(mu, logvar), **questions(posterior, labels)}
    times = {name: seconds(run, rounds) for name, run in runs.items()}
    return {name: {"fastest": min(taken), "median": statistics.median(taken)} for name, taken in times.items()}


def main() -> None:
    parser = parser_of(__doc__, "aggregate.json")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    script = begin(arguments, arguments.threads)
    orders = {name: measure(arguments.rounds, shuffled=name == "shuffled") for name in ("ordered", "shuffled")}
    for order, rows in orders.items():
        for name, row in rows.items():
            print(f"{order:9s} {name:24s} fastest {row['fastest']:7.3f} s, median {row['median']:7.3f} s")
        both = sum(rows[name]["fastest"] for name in ("marginal entropies", "conditional entropies"))
        print(f"{order:9s} all entropies            fastest {both:7.3f} s")
    count = math.prod(FACTORS)
    script.save("aggregate.json", {"posteriors": count, "samples": SAMPLES, "seconds": orders})


if __name__ == "__main__":
    main()
