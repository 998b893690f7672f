"""What the public functions ask of their arguments, each refusal in one sentence that names the argument."""

import numbers
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor

_SUPPORTED = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def check_tensors(**tensors: Any) -> None:
    """All are floating tensors of one dtype on one device; under autocast dtypes may differ.

    Raises:
        TypeError: if one is no tensor, has an unsupported dtype, or another dtype than the first.
        ValueError: if one lies on another device than the first.
        NotImplementedError: if one carries a forward-mode tangent, which the ops would drop.
    """
    first_name, first = next(iter(tensors.items()))
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name} must be a tensor, got {type(tensor).__name__}.")
        _refuse_tangent(name, tensor)
        if tensor.dtype not in _SUPPORTED:
            raise TypeError(f"{name} must be float32, float64, bfloat16 or float16, got {_short(tensor.dtype)}.")
        if tensor.device != first.device:
            raise ValueError(f"{name} must be on the device of {first_name}, {first.device}, got {tensor.device}.")
        if tensor.dtype != first.dtype and not autocasts(first):
            raise TypeError(
                f"{name} must have the dtype of {first_name}, {_short(first.dtype)}, got {_short(tensor.dtype)}."
            )


def _refuse_tangent(name: str, tensor: Tensor) -> None:
    if torch.compiler.is_compiling() or forward_ad._current_level < 0:
        return
    if forward_ad.unpack_dual(tensor).tangent is not None:
        raise NotImplementedError(
            f"{name} must not carry a forward-mode tangent (torch.func.jvp, jacfwd, make_dual): pyvae's ops have "
            "reverse mode only."
        )


def is_number(value: Any) -> bool:
    """A real number of Python or numpy, not a bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def autocasts(tensor: Tensor) -> bool:
    """Whether autocast is on for the tensor's device, one of those that the ops run on; meta, say, has none."""
    # torch.amp.is_autocast_available would be the question, but torch.compile of 2.11 cannot trace it.
    device = tensor.device.type
    return device in ("cpu", "cuda") and torch.is_autocast_enabled(device)


def compute_dtype(*tensors: Tensor) -> torch.dtype:
    """The dtype of the arithmetic: float32 for half types and under autocast, else the inputs' own."""
    if any(tensor.dtype == torch.float64 for tensor in tensors):
        return torch.float64
    return torch.float32


def check_axes(name: str, tensor: Tensor, shape: str) -> None:
    """The tensor has at least the trailing axes of `shape`, such as "[..., M, D]".

    Raises:
        ValueError: otherwise.
    """
    if tensor.dim() < shape.count(","):
        raise ValueError(f"{name} must have the shape {shape}, got {list(tensor.shape)}.")


def broadcast(**tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors, expanded to one shape.

    Raises:
        ValueError: if they do not broadcast.
    """
    first, *others = tensors.values()
    if all(tensor.shape == first.shape for tensor in others):
        return (first, *others)  # most calls, and torch.broadcast_shapes takes 10 microseconds
    try:
        shape = torch.broadcast_shapes(*(tensor.shape for tensor in tensors.values()))
    except RuntimeError:
        shapes = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in tensors.items())
        raise ValueError(f"{' and '.join(tensors)} must have shapes that broadcast, got {shapes}.") from None
    return tuple(tensor.expand(shape) for tensor in tensors.values())


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
