"""What a bank asks of its arguments, each refusal in one sentence that names the argument."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyvae.ops.arguments import can_be_read, check_tensors, compute_dtype, in_dtype, short_name, whole


def checked_rows(bank: Tensor, **tensors: Any) -> tuple[Tensor, ...]:
    """Tensors [..., M, D] in the dtype of the arithmetic, with the leading axes of a bank's rows [..., N, D].

    Raises:
        TypeError: for what is no floating tensor or has another dtype than the first.
        ValueError: for another device than the bank's, and shapes that do not fit it.
    """
    check_tensors(**tensors)
    shape = next(iter(tensors.values())).shape
    for name, tensor in tensors.items():
        if tensor.dim() < 2 or tensor.shape[-1] != bank.shape[-1] or tensor.shape[-2] != shape[-2]:
            expected = f"[..., {shape[-2] if len(shape) > 1 else 'M'}, {bank.shape[-1]}]"
            raise ValueError(f"{name} must have the shape {expected}, got {list(tensor.shape)}.")
        if tensor.device != bank.device:
            raise ValueError(f"{name} must be on the bank's device, {bank.device}, got {tensor.device}.")
    dtype = compute_dtype(*tensors.values())
    return in_dtype(dtype, *(_with_leading(name, t, bank.shape[:-2], 2) for name, t in tensors.items()))


def checked_index(seen: Tensor, index: Any, items: int) -> Tensor:
    """int64 [..., M] with the leading axes of a bank's `seen` [..., N], on its device.

    Raises:
        TypeError: for what is no tensor of integers.
        ValueError: for another shape, and numbers out of range, where reading them costs nothing.
    """
    if not isinstance(index, Tensor) or index.is_floating_point() or index.is_complex() or index.dtype == torch.bool:
        kind = short_name(index.dtype) if isinstance(index, Tensor) else type(index).__name__
        raise TypeError(f"index must be a tensor of integers, got {kind}.")
    if index.dim() < 1 or index.shape[-1] != items:
        raise ValueError(f"index must have the shape [..., {items}], got {list(index.shape)}.")
    if can_be_read(index):
        low, high = (int(end) for end in index.long().aminmax())  # not every type of integers has it
        if low < 0 or high >= seen.shape[-1]:
            wrong = low if low < 0 else high
            raise ValueError(f"index must be from 0 to {seen.shape[-1] - 1}, the bank's rows, got {wrong}.")
    return _with_leading("index", index.to(seen.device, torch.int64), seen.shape[:-1], 1)


def checked_leading(leading: Any) -> tuple[int, ...]:
    """Axes before a bank's rows. TypeError for what is no sequence of whole numbers, ValueError below 0."""
    if isinstance(leading, str) or not isinstance(leading, Sequence):
        raise TypeError(f"leading must be a tuple of axes, such as (3,) for 3 stacked models, got {leading!r}.")
    return tuple(whole("leading", axis, least=0) for axis in leading)


def _with_leading(name: str, tensor: Tensor, leading: torch.Size, own: int) -> Tensor:
    shape = *leading, *tensor.shape[tensor.dim() - own :]
    if tensor.shape == shape:
        return tensor
    try:
        return tensor.expand(shape)
    except RuntimeError:
        raise ValueError(
            f"{name} must have leading axes that broadcast to the bank's {list(leading)}, got "
            f"{list(tensor.shape[: tensor.dim() - own])}."
        ) from None
