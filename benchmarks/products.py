"""The products of stacked affine maps, forward and both gradients, by the op stacked_affine and by torch's bmm.

    python -m benchmarks.products                 # products.json into the results of this machine, two minutes

16 models with batches of 64 at the sizes of the study's layers and their mirror images, on one thread and on two. The
providers in turn, a few calls at a time; medians of the rates, and of the ratios of each turn. Rates are of the
products' floating-point operations; the share is of the multiply-adds that the threads reach at best, measured in
between.
"""

import itertools
import statistics
import time
from collections.abc import Callable

import torch

from benchmarks.script import begin, parser_of
from pyvae.ops.ceilings import multiply_adds_per_second

MODELS, BATCH = 16, 64
SIZES = ((441, 256), (256, 256), (256, 18), (9, 256), (256, 441))
"""Inputs and outputs."""
THREADS = (1, 2)
SECONDS = 0.005
"""Of one provider's turn, about: a shorter one would measure the clock, a longer one what else runs."""
CEILING_SECONDS = 0.02
OWN, TORCH = "pyvae", "torch"

Call = Callable[[], object]


def calls_of(inputs: int, outputs: int) -> dict[str, dict[str, Call]]:
    """By product, the calls of both providers: with the bias forward, and with its gradient beside the weight's."""
    x, weight = torch.randn(MODELS, BATCH, inputs), torch.randn(MODELS, inputs, outputs)
    bias, grad = torch.randn(MODELS, 1, outputs), torch.randn(MODELS, BATCH, outputs)
    forward, backward = torch.ops.pyvae.stacked_affine, torch.ops.pyvae.stacked_affine_backward
    return {
        "forward": {
            OWN: lambda: forward(x, weight, bias, False),
            TORCH: lambda: torch.baddbmm(bias, x, weight),
        },
        "gradient of x": {
            OWN: lambda: backward(grad, None, weight, None, False),
            TORCH: lambda: torch.bmm(grad, weight.mT),
        },
        "gradient of W and b": {
            OWN: lambda: backward(grad, x, None, None, True),
            TORCH: lambda: (torch.bmm(x.mT, grad), grad.sum(1, keepdim=True)),
        },
    }


def seconds(call: Call, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def measure(inputs: int, outputs: int, repeats: int) -> list[dict[str, object]]:
    """A row for each product."""
    flops = 2 * MODELS * BATCH * inputs * outputs
    products = calls_of(inputs, outputs)
    counts = {
        key: max(1, round(SECONDS / min(seconds(products[key[0]][key[1]], 1) for _ in range(3))))
        for key in itertools.product(products, (OWN, TORCH))
    }
    rates: dict[tuple[str, str], list[float]] = {key: [] for key in counts}
    ceilings = []
    for _ in range(repeats):
        ceilings.append(2 * multiply_adds_per_second(CEILING_SECONDS))
        for (product, provider), count in counts.items():
            rates[product, provider].append(flops / seconds(products[product][provider], count))
    ceiling = statistics.median(ceilings)
    rows = []
    for product in products:
        own, plain = rates[product, OWN], rates[product, TORCH]
        medians = {OWN: statistics.median(own), TORCH: statistics.median(plain)}
        rows.append(
            {
                "product": product,
                "inputs": inputs,
                "outputs": outputs,
                "threads": torch.get_num_threads(),
                "gflops_per_second": {provider: rate / 1e9 for provider, rate in medians.items()},
                "share_of_ceiling": {provider: rate / ceiling for provider, rate in medians.items()},
                "over torch": statistics.median(a / b for a, b in zip(own, plain, strict=True)),
                "ceiling_gflops_per_second": ceiling / 1e9,
            }
        )
    return rows


def main() -> None:
    parser = parser_of(__doc__, "products.json")
    parser.add_argument("--repeats", type=int, default=50)
    arguments = parser.parse_args()
    script = begin(arguments)
    rows = []
    for threads, size in itertools.product(THREADS, SIZES):
        torch.set_num_threads(threads)
        for row in measure(*size, arguments.repeats):
            rows.append(row)
            rates = ", ".join(
                f"{provider} {rate:6.1f} GF/s ({row['share_of_ceiling'][provider]:.2f})"
                for provider, rate in row["gflops_per_second"].items()
            )
            print(
                f"{threads} threads {size[0]:4d} x {size[1]:<4d} {row['product']:20s} {rates}, {row['over torch']:.2f}"
            )
    script.save("products.json", {"models": MODELS, "batch": BATCH, "repeats": arguments.repeats, "rows": rows})


if __name__ == "__main__":
    main()
