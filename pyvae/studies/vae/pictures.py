"""What a few models of the vae study draw: pictures.safetensors.

`images` [N, size] of the test set, whose `shape` is told; of P models of the first seed, by their `strengths` [P],
`reconstructions` [P, N, size] and `traversals` [P, R, S, size] of `latents` [P, R]. Images are bytes, 0 is black.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyvae.pictures import OneOfStack, encoded, order, quantile_traversal, reconstruction
from pyvae.studies.config import spread
from pyvae.studies.scores import Points
from pyvae.studies.vae.config import VAEConfig
from pyvae.training import Recipe, Trained

IMAGES, LATENTS, STEPS = 10, 4, 9
"""Images shown; latents that move, those most in use, and the values that each takes."""

Pictures = dict[str, NDArray[np.generic]]


def pictures(config: VAEConfig, recipe: Recipe, trained: Trained, points: Points) -> Pictures:
    """Of the smallest, the middle and the largest strength; a model that has diverged is left out."""
    shown = Points(recipe.data, IMAGES, in_order=False).images
    place = {(cell.strength, cell.seed): k for k, cell in enumerate(trained.cells)}
    found: dict[float, tuple[Tensor, Tensor, Tensor]] = {}
    for strength in spread(config.axes.strengths):
        model = OneOfStack(trained.model, place[strength, config.axes.seeds[0]], link=config.likelihood.link)
        try:
            found[strength] = _drawn(model, shown, points.images, deterministic=recipe.objective.deterministic)
        except ValueError:  # of codes without a finite density
            continue
    few, size = min(LATENTS, config.model.latents), shown.shape[1]
    empty = torch.zeros(0, len(shown), size), torch.zeros(0, few, STEPS, size), torch.zeros(0, few)
    stacked = [torch.stack(column) for column in zip(*found.values(), strict=True)] or empty
    return {
        "shape": np.array(recipe.data.shape),
        "strengths": np.array(list(found), dtype=np.float64),
        "images": _bytes(shown),
        "reconstructions": _bytes(stacked[0]),
        "traversals": _bytes(stacked[1]),
        "latents": stacked[2].numpy().astype(np.int64),
    }


@torch.no_grad()
def _drawn(model: OneOfStack, shown: Tensor, points: Tensor, *, deterministic: bool) -> tuple[Tensor, Tensor, Tensor]:
    """One model's reconstructions, its traversals, around the code of the first image, and their latents."""
    codes = encoded(model, points, deterministic=deterministic)
    latents = order(codes)[:LATENTS]
    start = encoded(model, shown[:1], deterministic=True).mu[0]
    moved = quantile_traversal(model, codes, start, steps=STEPS, latents=latents.tolist())
    return reconstruction(model, shown), moved, latents


def _bytes(images: Tensor) -> NDArray[np.generic]:
    return np.ascontiguousarray((255 * images.nan_to_num().clamp(0, 1)).round().byte().numpy())
