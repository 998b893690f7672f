"""Gaussian likelihoods whose variance is learned."""

import copy
import math
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from pyvae.losses.objective import check_choice
from pyvae.losses.terms import alike, check_event_dims, summed

LEAST = 1e-6
"""No variance is smaller: images that are met exactly would drive it to 0, and the loss without bound."""


class _Floor(torch.autograd.Function):
    """The logarithm of a variance, at least that of LEAST. One that a step has carried below gets the gradients that
    lead back, and no others.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(log_variance: Tensor) -> Tensor:
        return log_variance.clamp_min(math.log(LEAST))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (log_variance,), (grad,) = ctx.saved_tensors, grads
        return torch.where((log_variance > math.log(LEAST)) | (grad < 0), grad, 0.0)


class LearnedGaussianReconstruction(nn.Module):
    """-log N(x; mean, diag(variance)) without its (D/2) log(2 pi), and with the variance's logarithm:
    sum (x - mean)^2 / (2 variance) + log(variance) / 2.

    With the variance in the loss, reconstruction and KL are weighed as the data ask for, and not by the unit that
    images come in.

    Args:
        variance: shared, one number that is a parameter; pixel, one for each number of an image; optimal, the batch's
            mean squared error, where the term is smallest (Rybkin et al. 2021), no parameter.
        inputs: shape of one image, for `pixel`.
        event_dims: trailing axes that are one image, 1 for flat ones.

    Raises ValueError for a setting out of range; called, for images of another shape, else as
    pyvae.losses.gaussian_reconstruction.
    """

    fused = None

    def __init__(
        self,
        variance: Literal["shared", "pixel", "optimal"] = "shared",
        *,
        inputs: int | tuple[int, ...] | None = None,
        event_dims: int = 1,
    ) -> None:
        super().__init__()
        check_choice("variance", variance, ("shared", "pixel", "optimal"))
        check_event_dims(event_dims)
        image = (inputs,) if isinstance(inputs, int) else tuple(inputs or ())
        if variance == "pixel" and len(image) != event_dims:
            raise ValueError(f"inputs must be the {event_dims} sizes of an image for variance pixel, got {inputs}")
        self.variance, self.event_dims = variance, event_dims
        shape = {"shared": (1,) * event_dims, "pixel": image}.get(variance)
        self.image = image if variance == "pixel" else None
        self.stacked = False
        self.log_variance = None if shape is None else nn.Parameter(torch.zeros(shape))

    def for_models(self, models: int) -> Self:
        """A copy for a stack of so many models, images [K, M, ...], each with a variance of its own."""
        out = copy.deepcopy(self)
        if self.log_variance is not None:
            if self.stacked:
                raise ValueError("for_models must be called once, got a likelihood of stacked models")
            out.stacked = True
            out.log_variance = nn.Parameter(
                self.log_variance.detach().expand(models, 1, *self.log_variance.shape).clone()
            )
        return out

    def forward(self, x: Tensor, mean: Tensor) -> Tensor:
        x, mean = alike(self.event_dims, mean=mean, x=x)
        if self.image is not None and x.shape[-self.event_dims :] != self.image:
            raise ValueError(f"x must hold images of the shape {list(self.image)}, got {list(x.shape)}")
        if self.stacked and x.dim() != 2 + self.event_dims:
            raise ValueError(f"x must have axes of models and of the batch before its images, got {list(x.shape)}")
        squares = (x - mean).square()
        if self.log_variance is None:
            axes = tuple(range(-1 - self.event_dims, 0))
            found = squares.detach().mean(axes[-min(len(axes), squares.dim()) :], keepdim=True)
            log_variance = found.clamp_min(LEAST).log()
        else:
            log_variance = _Floor.apply(self.log_variance.to(squares.dtype))
        return 0.5 * summed(squares * (-log_variance).exp() + log_variance, self.event_dims)

    def extra_repr(self) -> str:
        return f"variance={self.variance}, event_dims={self.event_dims}"
