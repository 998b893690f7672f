"""How models are divided into chunks, and how chunks are put together anew when models have stopped."""

from collections.abc import Sequence

import torch

from pyvae.nn import StackedModel, stack
from pyvae.training.chunk import Chunk
from pyvae.training.recipe import Recipe

MODELS_PER_CHUNK = {"autograd": 16, "fused": 32}
"""Most models of a chunk, by how it takes its steps. Autograd's hundred operations a step are shared by many models,
whose parameters pass through memory at every step; of the fused step's two calls few models do, which stay in cache.
The smaller they are, the more of a step are the objective's operations, which they share.
"""
CACHE_BYTES, WORTH_MORE = 16 << 20, 4
"""What a chunk of the fused step may take with its models' parameters and Adam's moments, unless it has no more models
than so many (benchmarks/chunks.py).
"""


def most_of(model: StackedModel, step: str) -> int:
    """Most models of a chunk of models such as these."""
    if step == "autograd":
        return min(MODELS_PER_CHUNK[step], model.TOGETHER)
    numbers = sum(parameter[0].numel() for parameter in model.parameters())
    in_cache = CACHE_BYTES // (3 * 4 * numbers)
    return min(MODELS_PER_CHUNK[step], max(in_cache, WORTH_MORE))


def divide(models: int, threads: int, most: int) -> list[range]:
    """Consecutive near-equal groups of at most `most`, as many as keep every thread busy to the end."""
    groups = -(-models // most)
    groups = min(models, -(-groups // threads) * threads)
    return [range(models * g // groups, models * (g + 1) // groups) for g in range(groups)]


def initial_chunks(recipe: Recipe, threads: int, step: str, device: torch.device | str = "cpu") -> list[Chunk]:
    """All models of the recipe at step 0, to be trained by `step`, one of pyvae.training.chunk.STEPS, on `device`."""
    cells = recipe.cells
    groups = divide(len(cells), threads, most_of(recipe.model(1, None), step))
    return [Chunk.initialised([cells[k] for k in group], group, recipe, step, device) for group in groups]


def regroup(
    chunks: Sequence[Chunk], survivors: Sequence[Sequence[int]], taken: int, threads: int, step: str
) -> list[Chunk]:
    """Chunks of the models at positions `survivors[c]` of chunk c only, after `taken` steps, so that stopped models
    cost nothing more.

    Parameters, Adam's moments and running sums move along; models do not notice (each is independent of its
    neighbours).
    """
    if all(len(kept) == len(chunk.indices) for chunk, kept in zip(chunks, survivors, strict=True)):
        return list(chunks)
    members = [(chunk, k) for chunk, kept in zip(chunks, survivors, strict=True) for k in kept]
    if not members:
        return []
    groups = divide(len(members), threads, most_of(chunks[0].model, step))
    return [_gather([members[m] for m in group], taken, step) for group in groups]


@torch.no_grad()
def _gather(members: Sequence[tuple[Chunk, int]], taken: int, step: str) -> Chunk:
    """One chunk of the given (chunk, position) models."""
    parts = [(chunk, [k for owner, k in members if owner is chunk]) for chunk in dict.fromkeys(c for c, _ in members)]
    out = Chunk(
        [chunk.cells[k] for chunk, ks in parts for k in ks],
        [chunk.indices[k] for chunk, ks in parts for k in ks],
        parts[0][0].recipe,
        stack([(chunk.model, ks) for chunk, ks in parts]),
        step,
    )
    out.sums = torch.cat([chunk.sums[:, ks] for chunk, ks in parts], dim=1)
    per_part = [[(m[ks], v[ks]) for m, v in chunk.moments()] for chunk, ks in parts]
    joined = [[torch.cat(part) for part in zip(*pairs, strict=True)] for pairs in zip(*per_part, strict=True)]
    companions = [torch.cat([chunk.companions.named[name][ks] for chunk, ks in parts]) for name in out.companions.named]
    out.restore(companions, [(first, second) for first, second in joined], taken)
    kept = [{name: tensor[ks] for name, tensor in chunk.companions.kept.items()} for chunk, ks in parts]
    out.companions.keep({name: torch.cat([part[name] for part in kept]) for name in out.companions.kept})
    return out
