"""Reparameterised sampling with the noise drawn inside the op."""

from typing import Any

import torch
from torch import Tensor

from pyvae.ops.arguments import is_distributed, prepared
from pyvae.ops.differentiable import Differentiable, gradient_of
from pyvae.ops.registration import vmap_over_leading_axes
from pyvae.ops.seeds import seed_tensor


def reparameterize(
    mu: Tensor,
    logvar: Tensor,
    *,
    seed: int | Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""A sample z = mu + exp(logvar / 2) eps, eps ~ N(0, 1) (Kingma & Welling 2014, eq. 10).

    The noise is Philox-4x32-10 (Salmon et al. 2011) through Box and Muller, drawn inside the op and drawn again in
    the backward, never stored: element k of a stream depends on its seed and k alone, not on threads or device.

    Of DTensors each process draws its own part of what the whole tensor would be, and z has their placements; without a
    seed the first process of their mesh draws one for all.

    Args:
        mu: means, any shape.
        logvar: log-variances, log sigma^2, of a shape that broadcasts with mu.
        seed: an int, or an int64 tensor on mu's device whose shape is a prefix of mu's. A number or a tensor of
            shape [] makes one stream over the whole tensor; shape [K] with mu [K, M, D] makes K streams, and model k
            draws what it would draw alone with seed[k]. Without a seed one is drawn from `generator`, so
            torch.manual_seed governs the result.
        generator: the generator to draw the seed from; default torch's own of mu's device. Activation checkpointing
            draws anew from an explicit generator when it recomputes: give a seed there instead.

    Returns:
        z, of the inputs' dtype (float32 under autocast). Half types are sampled in float32 and rounded once. Under
        torch.vmap, randomness="same" and "different" hold as for torch's own functions.

    Raises:
        TypeError: for inputs that are no floating tensors, of different dtypes or in part DTensors, a seed that is no
            integer, or a generator that is none.
        NotImplementedError: for inputs with a forward-mode tangent.
        ValueError: for shapes that do not broadcast, different devices or meshes, a seed whose shape is no prefix of
            mu's or that is outside of int64, or both a seed and a generator.

    Example:
        >>> z = reparameterize(torch.zeros(2, 3), torch.zeros(2, 3), seed=7)
        >>> z.shape
        torch.Size([2, 3])
    """
    if is_distributed(mu):
        return _of_shards(mu, logvar, seed, generator)
    (mean, log_variance), result_dtype = prepared(mu=mu, logvar=logvar)
    z: Tensor = _op(mean, log_variance, seed_tensor(seed, generator, mean))
    return z if z.dtype == result_dtype else z.to(result_dtype)


def _of_shards(mu: Tensor, logvar: Tensor, seed: int | Tensor | None, generator: torch.Generator | None) -> Tensor:
    """The same of DTensors."""
    from pyvae.ops.distributed import Shards  # half a second

    shards = Shards(mu=mu, logvar=logvar)
    (z,) = shards.sampled(reparameterize, seed, generator)
    return shards.whole(z)


@torch.library.register_fake("pyvae::reparameterize")
def _fake(mu: Tensor, logvar: Tensor, seed: Tensor) -> Tensor:
    return mu.new_empty(mu.shape)


@torch.library.register_fake("pyvae::reparameterize_backward")
def _backward_fake(grad_z: Tensor, logvar: Tensor, seed: Tensor) -> Tensor:
    return logvar.new_empty(logvar.shape)


_gradient = gradient_of("reparameterize")


def _setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    _, logvar, seed = inputs
    ctx.save_for_backward(logvar, seed)


def _backward(ctx: Any, grad_z: Tensor) -> tuple[Tensor | None, ...]:
    grad_logvar = None
    if ctx.needs_input_grad[1]:
        grad_logvar = _gradient(grad_z, *ctx.saved_tensors)
    return grad_z if ctx.needs_input_grad[0] else None, grad_logvar, None


_op = Differentiable("reparameterize", _setup_context, _backward)
vmap_over_leading_axes("reparameterize", "reparameterize_backward")
