"""Stacked training, by the fused step and by autograd, beside its matrix products alone and beside the same models
trained one by one.

    python benchmarks/train/bench_stacked.py                      # the 165 models of the `seed` preset
    python benchmarks/train/bench_stacked.py --models 55 --out stacked.json

One run, all measured in turn, medians. "fused" and "autograd" take several steps of each chunk in turn, as the engine
does. "products" are the matrix products of a training step (each layer's forward product, weight gradient and, but for
the first layer of encoder and decoder input, input gradient) by torch.bmm in the same chunks on the same worker
threads, and nothing else. "one by one" trains single models with torch's own threads, as a plain script would. The
share is of the multiply-adds that the threads reach at best, measured beside.
"""

import argparse
import dataclasses
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from pyvae.files import atomic_write_text
from pyvae.info import processor
from pyvae.nn import StackedLinear
from pyvae.studies.biased_grid import PRESETS
from pyvae.studies.biased_grid.recipe import recipe as recipe_of
from pyvae.training.chunk import STEPS, Chunk
from pyvae.training.groups import initial_chunks
from pyvae.training.workers import workers

Product = tuple[Tensor, Tensor]

STEPS_AT_ONCE = 4


def products(chunk: Chunk) -> list[Product]:
    """Operands of every matrix product of one training step of `chunk`, in the step's order."""
    layers = [layer for layer in chunk.model.modules() if isinstance(layer, StackedLinear)]
    batch = chunk.recipe.settings.batch_size
    forward, backward = [], []
    for place, layer in enumerate(layers):
        models, inputs, outputs = layer.weight.shape
        weight = layer.weight.detach()
        x, grad = torch.randn(models, batch, inputs), torch.randn(models, batch, outputs)
        forward.append((x, weight))
        needed = [(x.transpose(1, 2), grad)]
        if place > 0:  # images need no gradient
            needed.append((grad, weight.transpose(1, 2)))
        backward.append(needed)
    return forward + [product for needed in reversed(backward) for product in needed]


def multiply(operands: list[Product]) -> None:
    for a, b in operands:
        torch.bmm(a, b)


def flops(operands: list[Product]) -> int:
    return sum(2 * a.shape[0] * a.shape[1] * a.shape[2] * b.shape[2] for a, b in operands)


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def ceiling(threads: int) -> float:
    """Floating-point operations a second that the threads reach at best."""
    iterations = 2_000_000
    start = time.perf_counter()
    return 2 * int(torch.ops.pyvae.multiply_add(iterations, threads)) / (time.perf_counter() - start)


def measure(models: int, alone: int, repeats: int) -> list[dict[str, float | str]]:
    """Rows of the table: products and stacked training of `models`, and `alone` of them one by one."""
    whole = recipe_of(PRESETS["seed"])
    recipe = dataclasses.replace(whole, cells=whole.cells[:models])
    threads = torch.get_num_threads()
    chunks = {step: initial_chunks(recipe, threads, step) for step in STEPS}
    operands = [products(chunk) for chunk in chunks["autograd"]]
    singles = [Chunk.initialised([recipe.cells[k]], [k], recipe, "autograd") for k in range(alone)]

    def one_by_one(first: int) -> None:
        for chunk in singles:
            chunk.run(first, first + STEPS_AT_ONCE)

    times: dict[str, list[float]] = {name: [] for name in ("products", *STEPS, "one by one")}
    ceilings = []
    with workers() as pool:

        def stacked(step: str, first: int) -> None:
            list(pool.map(lambda chunk: chunk.run(first, first + STEPS_AT_ONCE), chunks[step]))

        for repeat in range(repeats + 1):
            first = repeat * STEPS_AT_ONCE
            times["products"].append(seconds(lambda: list(pool.map(multiply, operands))))
            for step in STEPS:
                times[step].append(seconds(lambda step=step, first=first: stacked(step, first)) / STEPS_AT_ONCE)
            times["one by one"].append(seconds(lambda first=first: one_by_one(first)) / STEPS_AT_ONCE)
            ceilings.append(ceiling(threads))
    rows: list[dict[str, float | str]] = []
    work = flops(operands[0]) / len(chunks["autograd"][0].cells)
    for name, (_, *samples) in times.items():  # the first is the warm-up: Adam's state, memory
        count = alone if name == "one by one" else models
        per_step = statistics.median(samples) / count
        row = {
            "what": name,
            "models": count,
            "ms_per_model_step": 1e3 * per_step,
            "fastest_ms_per_model_step": 1e3 * min(samples) / count,
            "gflops_per_second": work / per_step / 1e9,
            "share_of_ceiling": work / per_step / statistics.median(ceilings),
        }
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=165, help="models in the stack, at most 165")
    parser.add_argument("--alone", type=int, default=4, help="models to train one by one")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = measure(arguments.models, arguments.alone, arguments.repeats)
    ms = {str(row["what"]): float(row["ms_per_model_step"]) for row in rows}
    print(f"{'':12s} models  ms per model-step  (fastest)  GF/s of products  share of ceiling")
    for row in rows:
        fastest, rate = row["fastest_ms_per_model_step"], row["gflops_per_second"]
        label = f"{row['what']:12s} {row['models']:6d}"
        share = f"{row['share_of_ceiling']:17.2f}"
        print(f"{label} {row['ms_per_model_step']:18.3f} {fastest:10.3f} {rate:17.1f} {share}")
    ratios = {
        "fused_over_autograd": ms["fused"] / ms["autograd"],
        "fused_over_products": ms["fused"] / ms["products"],
        "one_by_one_over_fused": ms["one by one"] / ms["fused"],
    }
    print(", ".join(f"{name.replace('_', ' ')} {ratio:.2f}" for name, ratio in ratios.items()))
    if arguments.out is not None:
        machine = {"processor": processor(), "capability": torch.backends.cpu.get_cpu_capability()}
        report = {
            "machine": machine,
            "torch": torch.__version__,
            "threads": arguments.threads,
            "models": arguments.models,
            "rows": rows,
            **ratios,
        }
        atomic_write_text(arguments.out, json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
