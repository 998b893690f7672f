"""How many cells a shard has: as many as make a model's step cheap, as memory holds, and as keep every worker busy."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyvae.nn.products import fastest_in_turn
from pyvae.report.answer import counted
from pyvae.settings import Config
from pyvae.studies.study import Study
from pyvae.sweeps.planning.packing import split
from pyvae.sweeps.planning.plan import Cell, Plan
from pyvae.training import Recipe
from pyvae.training.choice import stepping_of
from pyvae.training.chunk import Chunk
from pyvae.training.groups import initial_chunks
from pyvae.training.workers import workers

SIZES = (1, 2, 4, 8, 16, 32, 64)
MARGIN = 1.05
"""A larger shard has to be so many times as fast: whatever befalls a shard befalls all of its cells."""
SECONDS, ROUNDS = 1.0, 8
"""Of steps that a size is measured by, about, and in how many rounds."""
SHARDS_EACH = 2
"""Shards that a worker has at least, so that the last ones do not leave others idle."""
GROUP = Path("/sys/fs/cgroup")
"""Where a container, and a job of SLURM, is told how much memory it may take."""
SHARE_OF_MEMORY = 0.5
"""What all workers' models may take of the memory that is free."""


@dataclass(frozen=True)
class Size:
    """How many cells a shard has at most, and what it rests on."""

    cells: int
    seconds: dict[int, float]
    """Of a model's step, by the number of cells that were trained together."""
    bytes: int
    """Of one cell's models in training."""

    def told(self, shards: int) -> str:
        """In a sentence."""
        what = f"{counted(shards, 'shard')} of at most {counted(self.cells, 'cell')}"
        memory = f"{self.cells * self.bytes / 1e6:.3g} MB of models each"
        if len(self.seconds) < 2:
            return f"{what}, {memory}"
        found = min(self.seconds, key=lambda size: abs(size - self.cells))
        alone, together = self.seconds[1], self.seconds[found]
        return (
            f"{what}, {memory}; a model's step takes {1e3 * together:.3g} ms with {found} cells together, "
            f"{1e3 * alone:.3g} ms alone"
        )


def sized(plan: Plan, blocks: Sequence[Sequence[Cell]], slots: int, free: int) -> Size:
    """The size for these blocks of cells, worked at by `slots` workers with so many bytes of memory free.

    Measured on the largest block: models of another shape are packed alike.
    """
    largest = max(blocks, key=len)
    fair = max(1, sum(map(len, blocks)) // (SHARDS_EACH * slots))
    most = min(len(largest), fair)
    first = plan.config_of(largest[:1])
    each = memory_of(plan.study, first)
    held = max(1, int(SHARE_OF_MEMORY * free / slots / each))
    most = min(most, held)
    if most == 1:
        return Size(1, {}, each)
    seconds = step_seconds(plan, largest, [size for size in SIZES if size <= most])
    best = min(seconds.values())
    enough = next(size for size, taken in seconds.items() if taken <= MARGIN * best)
    return Size(most if enough == max(seconds) else enough, seconds, each)


def memory_of(study: Study[Any], config: Config) -> int:
    """Bytes of the models of a config in training: values, gradients and Adam's two moments, and a batch's activations,
    forward and backward.
    """
    return sum(_memory_of(recipe) for recipe in study.recipes(config).values())


def _memory_of(recipe: Recipe) -> int:
    model = recipe.model(1, None)
    numbers = 4 * sum(parameter.numel() for parameter in model.parameters())
    widths = sum(parameter.shape[-1] for name, parameter in model.named_parameters() if name.endswith("bias"))
    images = max(recipe.settings.batch_size, recipe.settings.validation_images)
    return 4 * len(recipe.cells) * (numbers + images * 2 * (widths + recipe.data.size))


def step_seconds(plan: Plan, block: Sequence[Cell], sizes: Sequence[int]) -> dict[int, float]:
    """Seconds of a model's step on one thread, with so many of a block's cells trained together.

    All sizes are measured in turn, ROUNDS times, and each by its fastest: what else runs on a machine only adds to
    them, and does not befall one alone.
    """
    parts = [next(part for part in split(plan, list(block), size)) for size in sizes]
    with workers() as pool:
        stacks = {len(cells): pool.submit(_Stack, plan, cells).result() for cells in parts}
        fastest = pool.submit(fastest_in_turn, {size: stack.run for size, stack in stacks.items()}, ROUNDS).result()
    return {size: fastest[size] / stack.steps / stack.models for size, stack in stacks.items()}


class _Stack:
    """Cells that are trained together, a few steps at a call."""

    def __init__(self, plan: Plan, cells: Sequence[Cell]) -> None:
        recipes = plan.study.recipes(plan.config_of(list(cells))).values()
        self.models = sum(len(recipe.cells) for recipe in recipes)
        self._chunks = [chunk for recipe in recipes for chunk in _chunks(recipe)]
        self._step = 0
        self.steps = 2
        self.run()  # draws, caches and Adam's state are made
        start = time.perf_counter()
        self.run()
        self.steps = max(2, int(SECONDS / ROUNDS / max((time.perf_counter() - start) / self.steps, 1e-6)))

    def run(self) -> None:
        """So many steps of all of them."""
        for chunk in self._chunks:
            chunk.run(self._step, self._step + self.steps)
        self._step += self.steps


def _chunks(recipe: Recipe) -> list[Chunk]:
    model = recipe.model(1, None)
    return initial_chunks(recipe, 1, stepping_of(model, recipe.likelihood, recipe.of_strength_one))


def free_memory() -> int:
    """Bytes that programs may still take here: of the machine's, and of what its control group has."""
    import os

    try:
        with open("/proc/meminfo") as file:
            told = dict(line.split(":", 1) for line in file)
        free = 1024 * int(told["MemAvailable"].split()[0])
    except (OSError, KeyError):
        free = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)
    try:
        most, taken = ((GROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return free if most == "max" else min(free, max(0, int(most) - int(taken)))
    except (OSError, ValueError):
        return free
