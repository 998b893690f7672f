"""Traversals: images of codes in which one latent moves and the others stay."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pyvae.ops import reparameterize
from pyvae.pictures.codes import Encoded, order, quantiles
from pyvae.pictures.model import Model, decoded

OUTER = 0.01
"""A traversal by quantiles goes from this one to the one as far from the other end."""


class FurthestTraversal(NamedTuple):
    """What `furthest_traversal` gives: the latent, the values [S] that it takes, and the images [S, ...]."""

    latent: int
    values: Tensor
    images: Tensor


def traversal(model: Model, start: Tensor, latents: Sequence[int], values: Tensor) -> Tensor:
    """Images [R, S, ...] of R latents that take S values each, values [R, S], the others as in `start` [D].

    Raises ValueError for another number of latents than rows of values, and latents out of range.
    """
    if values.dim() != 2 or len(values) != len(latents):
        raise ValueError(f"values must have a row for each of the {len(latents)} latents, got {list(values.shape)}")
    if wrong := [latent for latent in latents if not 0 <= latent < len(start)]:
        raise ValueError(f"latents must lie between 0 and {len(start) - 1}, got {wrong[0]}")
    z = start.repeat(*values.shape, 1)
    for row, latent in enumerate(latents):
        z[row, :, latent] = values[row]
    return decoded(model, z)


def quantile_traversal(
    model: Model, codes: Encoded, start: Tensor, *, steps: int = 11, latents: Sequence[int] | None = None, seed: int = 0
) -> Tensor:
    """Images [R, steps, ...] of latents that move through the quantiles of the aggregate posterior, 1 % to 99 %.

    So a latent takes values that images give it, in use or not, where a fixed range would leave what the decoder knows.

    Args:
        codes: of the images whose quantiles are taken (`encoded`).
        start: the code [D] that the others keep: zero, or an image's.
        steps: quantiles, evenly apart, at least 2.
        latents: R of them; all, the one most in use first, by default.
        seed: of the draws of the aggregate posterior.
    """
    if steps < 2:
        raise ValueError(f"steps must be at least 2, got {steps}")
    chosen = order(codes).tolist() if latents is None else list(latents)
    shares = torch.linspace(OUTER, 1 - OUTER, steps)
    return traversal(model, start, chosen, quantiles(codes, shares, seed=seed)[chosen])


def furthest_traversal(
    model: Model, codes: Encoded, *, steps: int = 11, samples: int = 1000, seed: int = 0
) -> FurthestTraversal:
    """The latent whose mean strays furthest from 0 on average, from its least to its largest value, all others zero.

    The rule by which the project behind `pyvae study schedules` drew its traversals: of the first `samples` codes, the
    latent with the largest mean |mu|, varied over the range of one draw of each posterior. "Highest absolute mean", as
    its author writes, could also be |mean of mu|; under a KL term that is near 0 for every latent, and the choice would
    be one of chance.
    """
    if steps < 2 or samples < 1:
        raise ValueError(f"steps must be at least 2 and samples at least 1, got {steps} and {samples}")
    mu = codes.mu[:samples]
    latent = int(mu.abs().mean(0).argmax())
    z = mu if codes.logvar is None else reparameterize(mu.contiguous(), codes.logvar[:samples].contiguous(), seed=seed)
    values = torch.linspace(float(z[:, latent].min()), float(z[:, latent].max()), steps, dtype=mu.dtype)
    return FurthestTraversal(latent, values, traversal(model, torch.zeros_like(mu[0]), [latent], values[None])[0])
