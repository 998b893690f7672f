"""What pictures ask of a model, and one model of a stack as such."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from pyvae.nn import StackedModel

AT_ONCE = 2048
"""Images or codes that a model is given at a time."""


class Model(Protocol):
    """One autoencoder: a module of one's own, or one of a stack (`OneOfStack`)."""

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance, each [B, D], of images [B, ...]."""

    def decode(self, z: Tensor) -> Tensor:
        """Images [B, ...] of codes [B, D], as they shall be shown: 0 is black, 1 is white."""


class NothingToShow(ValueError):
    """A picture that a model or its data do not give; the message is one sentence that says why."""


class OneOfStack:
    """Model `index` of a stack as a model of its own: flat images [B, size] to codes [B, D] and back.

    `link` makes images of what the decoder gives: `torch.sigmoid` where these are the logits of a Bernoulli likelihood.

    Raises ValueError for an index out of range.
    """

    def __init__(self, models: StackedModel, index: int = 0, *, link: Callable[[Tensor], Tensor] | None = None) -> None:
        self.stack = models.select([index])
        self.latents = models.latents
        self._link = link

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance, each [B, D], of images x [B, size]."""
        mu, logvar = self.stack.encode(x)
        return mu[0], logvar[0]

    def decode(self, z: Tensor) -> Tensor:
        """[B, size] of codes z [B, D]."""
        out = self.stack.decode(z.unsqueeze(0))[0]
        return out if self._link is None else self._link(out)


def posteriors(model: Model, images: Tensor) -> tuple[Tensor, Tensor]:
    """Posterior means and log variances, [B, D] each, of images [B, ...].

    Raises ValueError for images of a shape that the model does not take.
    """
    try:
        return model.encode(images)
    except (RuntimeError, ValueError) as problem:
        if not any(word in str(problem) for word in ("shape", "size", "dimension")):
            raise
        raise ValueError(
            "images must have the shape that the model encodes, [N, size] where it takes flat ones, got "
            f"{list(images.shape)}"
        ) from problem


@torch.no_grad()
def decoded(model: Model, z: Tensor) -> Tensor:
    """Images [..., *image] of codes z [..., D], a part at a time."""
    flat = z.reshape(-1, z.shape[-1])
    out = torch.cat([model.decode(part) for part in flat.split(AT_ONCE)])
    return out.reshape(*z.shape[:-1], *out.shape[1:])
