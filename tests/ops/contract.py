"""The accuracy contract of the ops, and the ways every op is checked with torch's own tools."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def assert_values(actual: Tensor, plain: Tensor, exact: Tensor, rtol: float = 0.0, terms: Tensor | None = None) -> None:
    """float32: at most twice plain torch's error plus 1e-6 (1 + |exact|); float64: 1e-12 (1 + |exact|).

    Where grids stand in for sums, plus their rtol. Where terms of a sum cancel, with the sum of their absolute values
    in the place of |exact|.
    """
    assert actual.shape == exact.shape
    if exact.numel() == 0:
        return
    scale = 1 + (exact.abs() if terms is None else terms)
    bound = 1e-12 * scale
    if actual.dtype != torch.float64:
        plain_error = (plain.double() - exact).abs()
        # Where plain torch is infinite or NaN (0 * inf below a variance of e^-88) it excuses nothing.
        bound = 2 * plain_error.nan_to_num(nan=0.0, posinf=0.0).max() + 1e-6 * scale + rtol
    excess = (actual.double() - exact).abs() / bound
    assert excess.max() <= 1, f"{excess.max().item():.2f} times the bound"


def assert_gradients(
    actual: Sequence[Tensor],
    plain: Sequence[Tensor],
    exact: Sequence[Tensor],
    rtol: float = 0.0,
    terms: Sequence[Tensor] | None = None,
) -> None:
    """Relative norm of the error: 1e-4 + 10 rtol or twice plain torch's in float32, 1e-10 in float64.

    Where terms of a sum cancel: 1e-6, or 10 rtol if grids stand in for it, of the norm of the terms' absolute values.
    """
    for k, (got, rough, want) in enumerate(zip(actual, plain, exact, strict=True)):
        assert got.shape == want.shape
        if want.numel() == 0:
            continue
        norm, bound = want.norm().clamp_min(1e-30), 1e-10
        if got.dtype != torch.float64:
            plain_error = ((rough.double() - want).norm() / norm).nan_to_num(nan=0.0, posinf=math.inf)
            cancelled = 0.0 if terms is None else max(1e-6, 10 * rtol) * (terms[k].norm() / norm).item()
            bound = max(1e-4 + 10 * rtol, 2 * plain_error.item(), cancelled)
        error = (got.double() - want).norm() / norm
        assert error <= bound, f"error {error.item():.2e} in gradient {k}, bound {bound:.2e}"


def gradients(function: Callable[..., Sequence[Tensor]], inputs: Sequence[Tensor], seed: int = 0) -> list[Tensor]:
    """Gradients of a random projection of all outputs: a backward that assumes a cotangent of 1 would fail."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    outputs = function(*leaves)
    return list(torch.autograd.grad(outputs, leaves, cotangents_for(outputs, seed)))


def cotangents_for(outputs: Sequence[Tensor], seed: int = 0) -> list[Tensor]:
    """Random ones, the same for every type and device."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(o.shape, generator=generator, dtype=torch.float64, device="cpu") for o in outputs]
    return [cotangent.to(o.device, o.dtype) for cotangent, o in zip(drawn, outputs, strict=True)]


def assert_bit_equal(a: Tensor, b: Tensor) -> None:
    assert a.shape == b.shape and a.dtype == b.dtype
    same = (a == b) | (a.isnan() & b.isnan())
    assert bool(same.all()), f"{(~same).sum().item()} of {a.numel()} elements differ"


def layouts(tensor: Tensor) -> dict[str, Tensor]:
    """The same values in memory layouts that are not contiguous."""
    wide = tensor.new_zeros(*tensor.shape, 3)
    wide[..., 1] = tensor
    padded = tensor.new_zeros(tensor.numel() + 1)
    misaligned = padded[1:].view(tensor.shape)
    misaligned.copy_(tensor)
    last_two = (-1, -2) if tensor.dim() > 1 else (-1, -1)
    return {
        "transposed": tensor.transpose(*last_two).contiguous().transpose(*last_two),
        "strided": wide[..., 1],
        "misaligned": misaligned,
    }
