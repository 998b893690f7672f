"""Prior samples: what the decoder makes of codes that no image gave."""

import torch
from torch import Tensor

from pyvae.ops import reparameterize
from pyvae.pictures.model import Model, decoded


def prior_samples(model: Model, latents: int, *, count: int = 10, seed: int = 0) -> Tensor:
    """Images [count, ...] of codes z ~ N(0, I) with so many latents.

    Models of one size get the same codes by one seed. Raises ValueError for sizes below 1.
    """
    if latents < 1 or count < 1:
        raise ValueError(f"latents and count must be at least 1, got {latents} and {count}")
    zeros = torch.zeros(count, latents)
    return decoded(model, reparameterize(zeros, zeros, seed=seed))
