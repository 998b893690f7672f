"""Affine maps of stacked models, with a relu behind them or without."""

from typing import Any

import torch
import torch._C._functorch as functorch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor

from pyvae.ops.arguments import COMPUTED, PLAIN, autocasts, check_types
from pyvae.ops.differentiable import Differentiable, gradient_of
from pyvae.ops.registration import vmap_over_leading_axes, wanted


def stacked_affine(x: Tensor, weight: Tensor, bias: Tensor, *, relu: bool = False) -> Tensor:
    """x W + b for each of K models, and max(0, x W + b) with `relu`.

    Args:
        x: inputs, [K, B, inputs], or [B, inputs] where all models have the same.
        weight: [K, inputs, outputs].
        bias: [K, 1, outputs].
        relu: whether what is below 0 becomes 0.

    Returns:
        [K, B, outputs]. All three tensors receive gradients, and a model the bits that it has alone, for any number of
        threads. Own kernels serve ordinary calls with float32 or float64 tensors on the CPU. Everything else goes to
        torch.baddbmm: other devices and types, autocast, torch.compile, torch.func, forward-mode tangents and tensor
        subclasses. Second derivatives are torch's.

    Raises:
        TypeError: for what is no floating tensor, or of another dtype than x.
        ValueError: for shapes that do not fit, or another device than x's.

    Example:
        >>> x, weight, bias = torch.ones(2, 3), torch.ones(4, 3, 1), torch.arange(4.0).view(4, 1, 1)
        >>> stacked_affine(x, weight, bias).squeeze(-1)
        tensor([[3., 3.],
                [4., 4.],
                [5., 5.],
                [6., 6.]])
    """
    served = serves(x, weight, bias)
    if not served:
        check_types(x=x, weight=weight, bias=bias)
    x = _checked(x, weight, bias)
    y: Tensor = _op(x, weight, bias, relu) if served else _plain(x, weight, bias, relu)
    return y


def _checked(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x for every model, where the shapes fit."""
    if weight.dim() != 3:
        raise ValueError(f"weight must have the shape [K, inputs, outputs], got {list(weight.shape)}.")
    models, inputs, outputs = weight.shape
    if bias.shape != (models, 1, outputs):
        raise ValueError(f"bias must have the shape [{models}, 1, {outputs}], got {list(bias.shape)}.")
    if x.dim() == 2:
        x = x.expand(models, *x.shape)
    if x.dim() != 3 or x.shape[0] != models or x.shape[2] != inputs:
        raise ValueError(f"x must have the shape [{models}, B, {inputs}] or [B, {inputs}], got {list(x.shape)}.")
    return x


def serves(x: Tensor, weight: Tensor, bias: Tensor) -> bool:
    """Whether own kernels serve this call; then its types are those that they take."""
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return False
    if forward_ad._current_level >= 0 or functorch.peek_interpreter_stack() is not None:
        return False
    for tensor in (x, weight, bias):
        if type(tensor) not in PLAIN or not tensor.is_cpu or tensor.dtype != x.dtype:
            return False
    return x.dtype in COMPUTED and not autocasts(x)


def _plain(x: Tensor, weight: Tensor, bias: Tensor, relu: bool) -> Tensor:
    y = torch.baddbmm(bias, x, weight)
    return y.relu() if relu else y


@torch.library.register_fake("pyvae::stacked_affine")
def _fake(x: Tensor, weight: Tensor, bias: Tensor, relu: bool) -> Tensor:
    return x.new_empty(*x.shape[:-1], weight.shape[-1])


@torch.library.register_fake("pyvae::stacked_affine_backward")
def _backward_fake(
    grad_y: Tensor, x: Tensor | None, weight: Tensor | None, y: Tensor | None, bias_grad: bool
) -> tuple[Tensor, Tensor, Tensor]:
    *leading, rows, outputs = grad_y.shape
    grad_x = (0,) if weight is None else (rows, weight.shape[-2])
    grad_weight = (0,) if x is None else (x.shape[-1], outputs)
    grad_bias = (1, outputs) if bias_grad else (0,)
    shapes = [(*leading, *inner) for inner in (grad_x, grad_weight, grad_bias)]
    return grad_y.new_empty(shapes[0]), grad_y.new_empty(shapes[1]), grad_y.new_empty(shapes[2])


_gradient = gradient_of("stacked_affine")


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, _, relu = inputs
    of_x, of_weight, *_ = ctx.needs_input_grad  # each needs the other
    ctx.save_for_backward(x if of_weight else None, weight if of_x else None, output if relu else None)


def _backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, y = ctx.saved_tensors
    if torch.is_grad_enabled():
        return (*_differentiable_gradient(grad_y, x, weight, y), None)
    grads = _gradient(grad_y, x, weight, y, ctx.needs_input_grad[2])
    return (*wanted(ctx, grads), None)


def _differentiable_gradient(
    grad_y: Tensor, x: Tensor | None, weight: Tensor | None, y: Tensor | None
) -> tuple[Tensor | None, Tensor | None, Tensor]:
    """The gradients in torch's operations, for a graph of them."""
    if y is not None:
        grad_y = torch.ops.aten.threshold_backward(grad_y, y.detach(), 0)
    grad_x = None if weight is None else grad_y @ weight.mT
    grad_weight = None if x is None else x.mT @ grad_y
    return grad_x, grad_weight, grad_y.sum(-2, keepdim=True)


_op = Differentiable("stacked_affine", _setup_context, _backward)
vmap_over_leading_axes("stacked_affine", "stacked_affine_backward")
