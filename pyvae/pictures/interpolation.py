"""Interpolations: images of codes on the straight line between those of two images."""

import torch
from torch import Tensor

from pyvae.pictures.model import Model, decoded, posteriors


@torch.no_grad()
def interpolation(model: Model, first: Tensor, second: Tensor, *, steps: int = 11) -> Tensor:
    """Images [B, steps, ...] of codes (1 - t) mu(first) + t mu(second), t = 0 … 1, for images [B, ...] each.

    Raises ValueError for fewer than two steps, and images of different shapes.
    """
    if steps < 2:
        raise ValueError(f"steps must be at least 2, got {steps}")
    if first.shape != second.shape:
        raise ValueError(f"second must have the shape of first, {list(first.shape)}, got {list(second.shape)}")
    (start, _), (end, _) = posteriors(model, first), posteriors(model, second)
    along = torch.linspace(0.0, 1.0, steps, dtype=start.dtype)[:, None]
    return decoded(model, start[:, None] + along * (end - start)[:, None])
