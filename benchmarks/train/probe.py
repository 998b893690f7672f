"""Times training steps for bench_beside.py, which starts it: for each line on standard input one round, and its seconds
per model-step on standard output.

    python benchmarks/train/probe.py '{"models": 165, "hidden": [256, 256], "pixels": 7, "threads": 2, "seconds": 2}'

It runs in this build of pyvae and in commit 48d180e, where the engine had other names.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch


def of_this_build(settings: dict[str, Any]) -> tuple[Callable[[int, int], None], Any]:
    """What takes steps first … last - 1 of all models, and the worker threads."""
    from pyvae.studies.biased_grid import PRESETS
    from pyvae.studies.biased_grid.recipe import recipe as recipe_of
    from pyvae.training.train import Training
    from pyvae.training.workers import workers

    config = PRESETS["seed"].replaced(hidden=tuple(settings["hidden"]), pixels=settings["pixels"])
    whole = recipe_of(config)
    recipe = dataclasses.replace(whole, cells=whole.cells[: settings["models"]])
    context = workers()
    training = Training(recipe, context.__enter__())
    training.start()

    def run(first: int, last: int) -> None:
        list(training.pool.map(lambda chunk: chunk.run(first, last), training.chunks))

    return run, context


def of_48d180e(settings: dict[str, Any]) -> tuple[Callable[[int, int], None], Any]:
    """The same, where every chunk takes one step after the other."""
    from pyvae.studies.cells import cells
    from pyvae.studies.training.groups import initial_chunks
    from pyvae.studies.training.workers import workers

    from pyvae.studies.config import preset

    config = dataclasses.replace(preset("seed"), hidden=tuple(settings["hidden"]), pixels=settings["pixels"])
    chunks = initial_chunks(cells(config)[: settings["models"]], config, torch.get_num_threads())
    context = workers()
    pool = context.__enter__()

    def run(first: int, last: int) -> None:
        for step in range(first, last):
            list(pool.map(lambda chunk, step=step: chunk.step(step), chunks))

    return run, context


def main() -> None:
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(settings["threads"])
    try:
        import pyvae.studies.training  # noqa: F401
    except ImportError:
        run, context = of_this_build(settings)
    else:
        run, context = of_48d180e(settings)
    start = time.perf_counter()
    run(0, 2)  # Adam's state, memory
    steps = max(1, round(settings["seconds"] * 2 / (time.perf_counter() - start)))
    done = 2
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        run(done, done + steps)
        print((time.perf_counter() - start) / steps / settings["models"], flush=True)
        done += steps
    context.__exit__(None, None, None)


if __name__ == "__main__":
    main()
