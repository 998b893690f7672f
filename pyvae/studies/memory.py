"""Whether a run fits into this machine's memory: asked before a folder is claimed, and told where it runs out later."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyvae.report.answer import counted
from pyvae.studies.errors import StudyError
from pyvae.training import Recipe

HELD = 3
"""Numbers that are held of each parameter all the while: itself, and the two moments of Adam."""
GIGA = 1e9


def check_models_fit(recipes: Mapping[str, Recipe]) -> None:
    """StudyError where the models of all groups, which are held at once, are larger than this machine's memory."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    need = sum(HELD * len(recipe.cells) * _bytes_of_one(recipe) for recipe in recipes.values())
    if need > there:
        models = sum(len(recipe.cells) for recipe in recipes.values())
        raise StudyError(
            "latents, hidden and the number of models must be so small that memory holds them, "
            f"{there / GIGA:.1f} GB, got {counted(models, 'model')} that need {need / GIGA:.1f} GB"
        )


def _bytes_of_one(recipe: Recipe) -> int:
    """Of one model's parameters; they are zeros, for which the system keeps no memory."""
    return sum(parameter.nbytes for parameter in recipe.model(1, None).parameters())


@contextmanager
def memory_told() -> Iterator[None]:
    """Where memory runs out inside, a StudyError of one sentence takes the place of torch's or numpy's own error."""
    try:
        yield
    except (RuntimeError, MemoryError) as problem:
        if not is_of_memory(problem):
            raise
        raise StudyError(
            "memory must be enough for the run, and it is not: fewer latents, narrower hidden layers, smaller batches "
            "or images, fewer points or models need less"
        ) from problem


def is_of_memory(problem: RuntimeError | MemoryError) -> bool:
    """torch has no type of error for memory of the CPU, nor for a tensor whose bytes no number can count."""
    told = str(problem)
    words = ("allocate memory", "out of memory", "calculation overflowed")
    return isinstance(problem, MemoryError) or any(word in told for word in words)
