"""The unbiased squared maximum mean discrepancy between two samples."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.autograd.forward_ad as forward_ad
import torch.func as func
from torch import Tensor

from pyvae.ops.arguments import PLAIN, check_axes, check_types, compute_dtype, in_dtype, is_number, traced_number
from pyvae.ops.differentiable import Differentiable, gradient_of
from pyvae.ops.pair_sums import IMQ, RBF, scores_of_pairs, squared_mmd_of_pairs
from pyvae.ops.registration import times_score, vmap_over_leading_axes, wanted

RadialKernel = Literal["rbf", "imq"]
_NUMBERS = {"rbf": RBF, "imq": IMQ}


def squared_mmd(x: Tensor, y: Tensor, *, kernel: RadialKernel = "rbf", scales: Sequence[float] | float) -> Tensor:
    r"""The unbiased squared maximum mean discrepancy between the laws of two samples, in memory linear in the points.

    .. math:: \frac1{n(n-1)} \sum_{i \ne j} k(x_i, x_j) + \frac1{m(m-1)} \sum_{i \ne j} k(y_i, y_j)
        - \frac2{nm} \sum_{i, j} k(x_i, y_j)

    (Gretton et al. 2012, "A Kernel Two-Sample Test", eq. 3.) Its mean over draws is 0 where both laws are one, so a
    single value may well be below 0. Differences x - y are taken point by point: a common offset costs no digits but
    those that the points themselves have lost.

    Args:
        x: points, [..., n, D], at least two of them.
        y: points, [..., m, D], at least two. Leading axes, which broadcast, are stacked models.
        kernel: "rbf" for exp(-r^2 / c), "imq" for c / (c + r^2), with r = |x - y|.
        scales: one c, or several, over which the kernels are averaged: squared lengths, all above 0.

    Returns:
        [...], float32 (float64 for float64 inputs). Both samples receive gradients, each only where it asks for one.
        Own kernels serve float32, float64 and half types on the CPU, also under torch.compile and torch.func; there a
        model has the bits that it has alone, for any number of threads, derivatives come with the statistic, and what
        the backward adds is one product. Other devices, forward-mode tangents and tensor subclasses get plain torch by
        chunks of rows, whose memory is linear, too. Second derivatives are plain torch's, in quadratic memory.

    Raises:
        TypeError: for what is no floating tensor, or of another dtype than x; for scales that are no numbers.
        ValueError: for shapes that do not fit, fewer than two points, another device than x's, an unknown kernel, or
            scales that are none, not finite or not above 0.

    Example:
        >>> x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [1.0]])
        >>> squared_mmd(x, y, scales=1.0)
        tensor(-0.6321)
    """
    if kernel not in _NUMBERS:
        raise ValueError(f"kernel must be 'rbf' or 'imq', got {kernel!r}.")
    number, values = _NUMBERS[kernel], _checked_scales(scales)
    x, y = _checked(x, y)
    if not torch.compiler.is_compiling() and forward_ad._current_level >= 0:
        return squared_mmd_of_pairs(x, y, number, values)
    asks = torch.is_grad_enabled()
    arguments = x, y, number, values, asks and x.requires_grad, asks and y.requires_grad
    value: Tensor = (_op(*arguments) if _serves(x, y) else _ByChunks.apply(*arguments))[0]
    return value


def _checked_scales(scales: Any) -> list[float]:
    values = list(scales) if isinstance(scales, Sequence) and not isinstance(scales, str) else [scales]
    values = [traced_number(value) for value in values]
    if not all(is_number(value) for value in values):
        found = next(type(value).__name__ for value in values if not is_number(value))
        raise TypeError(f"scales must be a number or a sequence of numbers, got {found}.")
    if not values or not all(0 < value < math.inf for value in values):
        raise ValueError(f"scales must be one or more finite numbers above 0, got {scales}.")
    return [float(value) for value in values]


def _checked(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Both samples with the same leading axes and in the dtype of the arithmetic."""
    check_types(x=x, y=y)
    for name, points, shape in (("x", x, "[..., n, D]"), ("y", y, "[..., m, D]")):
        check_axes(name, points, shape)
        if points.dim() < 2:
            raise ValueError(f"{name} must have the shape {shape}, got {list(points.shape)}.")
        if points.shape[-2] < 2:
            raise ValueError(f"{name} must have at least two points, {shape}, got {list(points.shape)}.")
    if y.shape[-1] != x.shape[-1]:
        raise ValueError(f"y must have points with the axes of x, [..., m, {x.shape[-1]}], got {list(y.shape)}.")
    x, y = in_dtype(compute_dtype(x, y), x, y)
    if x.shape[:-2] == y.shape[:-2]:
        return x, y
    try:
        leading = torch.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except RuntimeError:
        shapes = f"x {list(x.shape)}, y {list(y.shape)}"
        raise ValueError(f"x and y must have leading axes that broadcast, got {shapes}.") from None
    return x.expand(*leading, *x.shape[-2:]), y.expand(*leading, *y.shape[-2:])


def _serves(x: Tensor, y: Tensor) -> bool:
    """Whether there are kernels for these tensors; what is compiled has fake ones in their place."""
    return x.is_cpu and (torch.compiler.is_compiling() or (type(x) in PLAIN and type(y) in PLAIN))


# --- The op -----------------------------------------------------------------------------------------------------------


def _of_no_points(points: Tensor, wanted: bool) -> Tensor:
    return points.new_empty(points.shape if wanted else (*points.shape[:-2], 0, points.shape[-1]))


@torch.library.register_fake("pyvae::squared_mmd")
def _fake(
    x: Tensor, y: Tensor, kernel: int, scales: Sequence[float], x_scores: bool, y_scores: bool
) -> tuple[Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape[:-2]), _of_no_points(x, x_scores), _of_no_points(y, y_scores)


@torch.library.register_fake("pyvae::squared_mmd_backward")
def _backward_fake(
    grad: Tensor, x: Tensor, y: Tensor, kernel: int, scales: Sequence[float], of_x: bool, of_y: bool
) -> tuple[Tensor, Tensor]:
    return _of_no_points(x, of_x), _of_no_points(y, of_y)


_gradient = gradient_of("squared_mmd")


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, y, ctx.kernel, ctx.scales, *ctx.has_scores = inputs
    _, x_score, y_score = output
    ctx.mark_non_differentiable(x_score, y_score)
    ctx.save_for_backward(x, y, x_score, y_score)


def _backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    x, y, *scores = ctx.saved_tensors
    needed = list(ctx.needs_input_grad[:2])
    if all(has for has, needs in zip(ctx.has_scores, needed, strict=True) if needs):
        made = [times_score(grad[..., None, None], score) for score in scores]
    else:  # the forward was not told, as under torch.func
        made = _gradient(grad, x, y, ctx.kernel, ctx.scales, *needed)
    grads = wanted(ctx, made)
    if torch.is_grad_enabled():
        grads = [
            None if value is None else _DifferentiableGradient.apply(value, grad, x, y, ctx.kernel, ctx.scales, k)
            for k, value in enumerate(grads)
        ]
    return (*grads, None, None, None, None)


_op = Differentiable("squared_mmd", _setup_context, _backward)
vmap_over_leading_axes("squared_mmd", "squared_mmd_backward")


# --- What is plain torch's --------------------------------------------------------------------------------------------


class _ByChunks(torch.autograd.Function):
    """The op in plain torch."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, y: Tensor, kernel: int, scales: Sequence[float], x_scores: bool, y_scores: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        return squared_mmd_of_pairs(x, y, kernel, scales), *scores_of_pairs(x, y, kernel, scales, x_scores, y_scores)

    setup_context = staticmethod(_setup_context)
    backward = staticmethod(_backward)


class _DifferentiableGradient(torch.autograd.Function):
    """A gradient that has its value already, for a graph of gradients: plain torch differentiates it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        value: Tensor, grad: Tensor, x: Tensor, y: Tensor, kernel: int, scales: Sequence[float], which: int
    ) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, grad, x, y, ctx.kernel, ctx.scales, ctx.which = inputs
        ctx.save_for_backward(grad, x, y)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        def gradient(grad: Tensor, x: Tensor, y: Tensor) -> Tensor:
            scores = scores_of_pairs(x, y, ctx.kernel, ctx.scales, ctx.which == 0, ctx.which == 1)
            return grad[..., None, None] * scores[ctx.which]

        pull = func.vjp(gradient, *ctx.saved_tensors)[1]
        return None, *pull(cotangent), None, None, None
