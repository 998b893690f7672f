"""Samples and KL divergences of posteriors as encoders write them; no public function of its own: pyvae.Posterior's."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyvae._library import has_cuda_kernels
from pyvae.ops.arguments import compute_dtype
from pyvae.ops.differentiable import Differentiable, gradient_of
from pyvae.ops.registration import stacked, wanted

DEVICES = frozenset({"cpu", "cuda"} if has_cuda_kernels() else {"cpu"})
"""Where the op runs."""


@dataclass(frozen=True)
class Moments:
    """How an encoder's tensors are read.

    logvar = scale * clamp(spread, low, high), without gradient beyond the bounds. The leading `row_axes` axes of the
    means count posteriors. Where means and spreads are packed, the first `channels` along `axis` are means, the others
    spreads, as many or one for all.
    """

    row_axes: int
    scale: float = 1.0
    low: float = -math.inf
    high: float = math.inf
    axis: int = -1
    channels: int = 0


def reparameterize_moments(
    mean: Tensor, spread: Tensor | None, seed: Tensor, how: Moments, *, rounded: bool
) -> tuple[Tensor, Tensor]:
    r"""z of the means' shape and the KL of each row to N(0, 1).

    .. math:: z = \mu + e^{\log\sigma^2 / 2}\,\varepsilon, \qquad
        \mathrm{KL} = \tfrac12 \sum_d \left[ \mu_d^2 + \operatorname{expm1}(\log\sigma_d^2) - \log\sigma_d^2 \right]

    (Kingma & Welling 2014, eq. 10 and appendix B.) `mean` and `spread` have one shape, any strides, and any floating
    dtype, in which they are read; what half types hold is computed with in float32. Packed moments are one tensor, and
    no spread. z is `rounded` to their dtype or has that of the arithmetic, as the KL has.
    """
    z, kl = _op(mean, spread, seed, how.axis, how.channels, how.row_axes, how.scale, how.low, how.high, rounded)
    return z, kl


def _shape(mean: Tensor, spread: Tensor | None, axis: int, channels: int) -> list[int]:
    """Of the means."""
    shape = list(mean.shape)
    if spread is None:
        shape[axis] = channels
    return shape


@torch.library.register_fake("pyvae::reparameterize_moments")
def _fake(
    mean: Tensor,
    spread: Tensor | None,
    seed: Tensor,
    axis: int,
    channels: int,
    row_axes: int,
    scale: float,
    low: float,
    high: float,
    rounded: bool,
) -> tuple[Tensor, Tensor]:
    shape, dtype = _shape(mean, spread, axis, channels), compute_dtype(mean)
    return mean.new_empty(shape, dtype=mean.dtype if rounded else dtype), mean.new_empty(shape[:row_axes], dtype=dtype)


@torch.library.register_fake("pyvae::reparameterize_moments_backward")
def _backward_fake(
    grad_z: Tensor,
    grad_kl: Tensor,
    mean: Tensor,
    spread: Tensor | None,
    seed: Tensor,
    axis: int,
    channels: int,
    row_axes: int,
    scale: float,
    low: float,
    high: float,
) -> tuple[Tensor, Tensor]:
    return mean.new_empty(mean.shape), mean.new_empty(0 if spread is None else spread.shape)


_gradient = gradient_of("reparameterize_moments")


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    mean, spread, seed, *ctx.how, _ = inputs
    ctx.save_for_backward(mean, spread, seed)


def _backward(ctx: Any, grad_z: Tensor, grad_kl: Tensor) -> tuple[Tensor | None, ...]:
    grads = _gradient(grad_z, grad_kl, *ctx.saved_tensors, *ctx.how)
    return (*wanted(ctx, grads), *[None] * 8)


_op = Differentiable("reparameterize_moments", _setup_context, _backward)


@torch.library.register_vmap("pyvae::reparameterize_moments")
def _vmap(info: Any, in_dims: Any, *inputs: Any) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
    mean, spread, seed, axis, channels, row_axes, *rest = stacked(info, in_dims, inputs)
    return _op.op(mean, spread, seed, _one_further(axis), channels, row_axes + 1, *rest), (0, 0)


@torch.library.register_vmap("pyvae::reparameterize_moments_backward")
def _backward_vmap(info: Any, in_dims: Any, *inputs: Any) -> tuple[tuple[Tensor, Tensor], tuple[int, int | None]]:
    *grads, mean, spread, seed, axis, channels, row_axes, scale, low, high = stacked(info, in_dims, inputs)
    how = _one_further(axis), channels, row_axes + 1, scale, low, high
    return _gradient.op(*grads, mean, spread, seed, *how), (0, None if spread is None else 0)


def _one_further(axis: int) -> int:
    return axis if axis < 0 else axis + 1
