"""Reconstructions: what the decoder makes of an image's posterior mean."""

import torch
from torch import Tensor

from pyvae.pictures.model import Model, decoded, posteriors


@torch.no_grad()
def reconstruction(model: Model, images: Tensor) -> Tensor:
    """Images [B, ...] decoded from the posterior means of images [B, ...]."""
    return decoded(model, posteriors(model, images)[0])
