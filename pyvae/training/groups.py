"""How models are divided into chunks, and how chunks are put together anew when models have stopped."""

from collections.abc import Sequence

import torch

from pyvae.nn import stack
from pyvae.training.chunk import Chunk
from pyvae.training.recipe import Recipe

MODELS_PER_CHUNK = 16
"""Most models of a chunk. Measured on 2 cores with 32 MB of L3, 165 models of the study, ms per step
(products alone): 3 chunks 214 (167), 6 chunks 169 (129), 12 chunks 168 (129), 20 chunks 185 (130), 40 chunks
196 (128).
"""


def divide(models: int, threads: int) -> list[range]:
    """Consecutive near-equal groups of at most MODELS_PER_CHUNK, as many as keep every thread busy to the
    end.
    """
    groups = -(-models // MODELS_PER_CHUNK)
    groups = min(models, -(-groups // threads) * threads)
    return [range(models * g // groups, models * (g + 1) // groups) for g in range(groups)]


def initial_chunks(recipe: Recipe, threads: int) -> list[Chunk]:
    """All models of the recipe at step 0."""
    cells = recipe.cells
    return [Chunk.initialised([cells[k] for k in group], group, recipe) for group in divide(len(cells), threads)]


def regroup(chunks: Sequence[Chunk], survivors: Sequence[Sequence[int]], step: int, threads: int) -> list[Chunk]:
    """Chunks of the models at positions `survivors[c]` of chunk c only, so that stopped models cost nothing
    more.

    Parameters, Adam's moments and running sums move along; models do not notice (each is independent of its
    neighbours).
    """
    if all(len(kept) == len(chunk.indices) for chunk, kept in zip(chunks, survivors, strict=True)):
        return list(chunks)
    members = [(chunk, k) for chunk, kept in zip(chunks, survivors, strict=True) for k in kept]
    if not members:
        return []
    return [_gather([members[m] for m in group], step) for group in divide(len(members), threads)]


@torch.no_grad()
def _gather(members: Sequence[tuple[Chunk, int]], step: int) -> Chunk:
    """One chunk of the given (chunk, position) models."""
    parts = [(chunk, [k for owner, k in members if owner is chunk]) for chunk in dict.fromkeys(c for c, _ in members)]
    out = Chunk(
        [chunk.cells[k] for chunk, ks in parts for k in ks],
        [chunk.indices[k] for chunk, ks in parts for k in ks],
        parts[0][0].recipe,
        stack([(chunk.model, ks) for chunk, ks in parts]),
    )
    out.sums = torch.cat([chunk.sums[:, ks] for chunk, ks in parts], dim=1)
    per_part = [[(m[ks], v[ks]) for m, v in chunk.optimiser.moments()] for chunk, ks in parts]
    joined = [[torch.cat(part) for part in zip(*pairs, strict=True)] for pairs in zip(*per_part, strict=True)]
    out.optimiser.restore([(first, second) for first, second in joined], step)
    return out
