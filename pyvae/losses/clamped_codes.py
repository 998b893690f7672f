"""Clamped minibatches, by which DC-IGN gives a latent its meaning (Kulkarni et al. 2015, section 3.2)."""

import torch
from torch import Tensor

from pyvae.ops.arguments import compute_dtype


def clamped(z: Tensor, active: int | slice) -> Tensor:
    """Codes [..., M, D] of a minibatch in which one factor of the images changes and all others stand still.

    All latents but `active` take their mean over the batch, and so do their gradients: whatever differs between the
    images has to pass through the active ones. Decode what this returns in place of z.

    Raises ValueError for latents that z has not, TypeError for what is no place or slice.
    """
    return torch.where(_are_active(z, active), z, z.mean(-2, keepdim=True))


def invariance(z: Tensor, active: int | slice) -> Tensor:
    """sum over the latents that are not `active` of (z - mean over the batch)^2 / 2, [..., M]: to be added to the loss.

    Its gradient, each code's distance from the mean, is what DC-IGN gives the encoder of images that share these
    factors, with a weight of 0.01, and in the place of the averaged gradient; here it is added to it.

    Raises ValueError for latents that z has not, TypeError for what is no place or slice.
    """
    z = z.to(compute_dtype(z))
    distance = z - z.mean(-2, keepdim=True)
    return 0.5 * distance.square().masked_fill(_are_active(z, active), 0.0).sum(-1)


def _are_active(z: Tensor, active: int | slice) -> Tensor:
    latents = z.shape[-1]
    if isinstance(active, bool) or not isinstance(active, int | slice):
        raise TypeError(f"active must be the place of a latent or a slice, got {active!r}")
    if isinstance(active, int) and not -latents <= active < latents:
        raise ValueError(f"active must lie between {-latents} and {latents - 1}, got {active}")
    if isinstance(active, slice) and not range(latents)[active]:
        raise ValueError(f"active must be a slice with at least one of the {latents} latents, got {active}")
    mask = torch.zeros(latents, dtype=torch.bool, device=z.device)
    mask[list(range(latents)[active]) if isinstance(active, slice) else active] = True
    return mask
