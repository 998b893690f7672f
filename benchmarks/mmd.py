"""squared_mmd, forward and backward, beside the same statistic through torch.cdist, and its memory for large samples.

    python -m benchmarks.mmd                 # mmd.json into the results of this machine, five minutes

Two samples of n points with ten latents, gradients of both, on one thread and on two. The providers in turn, a few
calls at a time; medians of the times and of the ratios of each turn. The share is that of the multiply-adds which the
threads reach at best, measured in between, if a pair takes as many operations as csrc/kernels/cpu/squared_mmd.cpp says.
"""

import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

import pyvae
from benchmarks.script import begin, parser_of
from pyvae.bench.memory import kibibytes
from pyvae.ops.ceilings import multiply_adds_per_second

LATENTS = 10
SIZES = (256, 1024, 4096)
THREADS = (1, 2)
SCALES = {"one": (20.0,), "seven": (2.0, 4.0, 10.0, 20.0, 40.0, 100.0, 200.0)}
SECONDS = 0.05
"""Of one provider's turn, about, if a call is shorter."""
CEILING_SECONDS = 0.02
PER_LATENT, PER_SCALE = 5, {"rbf": 14, "imq": 8}
"""Operations of a pair, one of which a multiply-add is."""
LARGE = 65_536
OWN, TORCH = "pyvae", "torch.cdist"

Statistic = Callable[[Tensor, Tensor], Tensor]


def through_cdist(x: Tensor, y: Tensor, kernel: str, scales: Sequence[float]) -> Tensor:
    """The same statistic as it is written with torch.cdist."""

    def kernels(a: Tensor, b: Tensor) -> Tensor:
        r2 = torch.cdist(a, b).square()
        return sum(torch.exp(-r2 / c) if kernel == "rbf" else c / (c + r2) for c in scales) / len(scales)

    def within(points: Tensor) -> Tensor:
        n, k = len(points), kernels(points, points)
        return (k.sum() - k.diagonal().sum()) / (n * (n - 1))

    return within(x) + within(y) - 2 * kernels(x, y).mean()


def seconds(statistic: Statistic, points: Sequence[Tensor], count: int) -> float:
    """Of a forward and a backward pass."""
    start = time.perf_counter()
    for _ in range(count):
        statistic(*points).backward()
        for tensor in points:
            tensor.grad = None
    return (time.perf_counter() - start) / count


def measure(n: int, kernel: str, scales: str, threads: int, repeats: int) -> dict[str, object]:
    values = SCALES[scales]
    points = [torch.randn(n, LATENTS).requires_grad_() for _ in range(2)]
    providers: dict[str, Statistic] = {
        OWN: lambda x, y: pyvae.squared_mmd(x, y, kernel=kernel, scales=values),
        TORCH: lambda x, y: through_cdist(x, y, kernel, values),
    }
    counts = {
        name: max(1, round(SECONDS / min(seconds(call, points, 1) for _ in range(2))))
        for name, call in providers.items()
    }
    times: dict[str, list[float]] = {name: [] for name in providers}
    ceilings = []
    for _ in range(repeats):
        ceilings.append(multiply_adds_per_second(CEILING_SECONDS))
        for name, call in providers.items():
            times[name].append(seconds(call, points, counts[name]))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    pairs = n * (n - 1) + n * n  # unordered ones within both samples, and those between them
    operations = pairs * (PER_LATENT * LATENTS + PER_SCALE[kernel] * len(values))
    return {
        "points": n,
        "kernel": kernel,
        "scales": len(values),
        "threads": threads,
        "milliseconds": {name: 1e3 * taken for name, taken in medians.items()},
        "torch.cdist over pyvae": statistics.median(b / a for a, b in zip(times[OWN], times[TORCH], strict=True)),
        "share_of_ceiling": operations / medians[OWN] / statistics.median(ceilings),
    }


# --- Memory -----------------------------------------------------------------------------------------------------------


def print_growth(kernel: str) -> None:
    """What a forward and a backward add to the peak, of a process that has had a small one."""
    for n in (64, LARGE):
        points = [torch.randn(n, LATENTS).requires_grad_() for _ in range(2)]
        before, start = kibibytes("VmHWM"), time.perf_counter()
        seconds(lambda x, y: pyvae.squared_mmd(x, y, kernel=kernel, scales=SCALES["one"]), points, 1)
        growth = (kibibytes("VmHWM") - before) / 1024
    print(growth, time.perf_counter() - start)


def memory(kernel: str) -> dict[str, object]:
    command = [sys.executable, "-c", f"from benchmarks.mmd import print_growth; print_growth({kernel!r})"]
    growth, taken = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    return {"points": LARGE, "kernel": kernel, "mebibytes": growth, "seconds": taken}


def main() -> None:
    parser = parser_of(__doc__, "mmd.json")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    script = begin(arguments)
    rows = []
    for threads, n, kernel, scales in itertools.product(THREADS, SIZES, PER_SCALE, SCALES):
        torch.set_num_threads(threads)
        row = measure(n, kernel, scales, threads, arguments.repeats)
        rows.append(row)
        times = ", ".join(f"{name} {taken:8.2f} ms" for name, taken in row["milliseconds"].items())
        print(
            f"{threads} threads {n:5d} {kernel} {len(SCALES[scales])} scales: {times}, "
            f"{row['torch.cdist over pyvae']:5.1f} times, {row['share_of_ceiling']:.2f} of the ceiling",
            flush=True,
        )
    large = [memory(kernel) for kernel in PER_SCALE]
    for row in large:
        print(f"{row['points']} points, {row['kernel']}: {row['mebibytes']:.0f} MiB, {row['seconds']:.0f} s")
    facts = {"latents": LATENTS, "scales": SCALES, "repeats": arguments.repeats}
    script.save("mmd.json", {**facts, "rows": rows, "memory": large})


if __name__ == "__main__":
    main()
