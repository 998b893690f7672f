"""What the public functions ask of their arguments, each refusal in one sentence that names the argument."""

import numbers
from typing import Any

import numpy as np
import torch
import torch._C._functorch as functorch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor

COMPUTED = (torch.float32, torch.float64)
_SUPPORTED = (*COMPUTED, torch.bfloat16, torch.float16)
PLAIN = (Tensor, torch.nn.Parameter)
"""Types that no subclass stands behind."""


def check_tensors(**tensors: Any) -> None:
    """As `check_types`, and they are tensors that the ops can differentiate.

    Raises:
        TypeError, ValueError: as `check_types`; TypeError for a DTensor.
        NotImplementedError: if one carries a forward-mode tangent, which the ops would drop.
    """
    eager = not torch.compiler.is_compiling()  # which traces none of the questions asked here
    has_tangents = eager and forward_ad._current_level >= 0
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            continue  # refused below
        _refuse_distributed(name, tensor)
        if has_tangents:
            _refuse_tangent(name, tensor)
    check_types(**tensors)


def check_types(**tensors: Any) -> None:
    """All are floating tensors of one dtype on one device; under autocast dtypes may differ.

    Raises:
        TypeError: if one is no tensor, has an unsupported dtype, or another dtype than the first.
        ValueError: if one lies on another device than the first.
    """
    first_name, first = next(iter(tensors.items()))
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name} must be a tensor, got {type(tensor).__name__}.")
        if tensor.dtype not in _SUPPORTED:
            raise TypeError(f"{name} must be float32, float64, bfloat16 or float16, got {short_name(tensor.dtype)}.")
        if tensor.device != first.device:
            raise ValueError(f"{name} must be on the device of {first_name}, {first.device}, got {tensor.device}.")
        if tensor.dtype != first.dtype and not autocasts(first):
            dtypes = short_name(first.dtype), short_name(tensor.dtype)
            raise TypeError(f"{name} must have the dtype of {first_name}, {dtypes[0]}, got {dtypes[1]}.")


def _refuse_tangent(name: str, tensor: Tensor) -> None:
    if forward_ad.unpack_dual(tensor).tangent is not None:
        raise NotImplementedError(
            f"{name} must not carry a forward-mode tangent (torch.func.jvp, jacfwd, make_dual): pyvae's ops have "
            "reverse mode only."
        )


def is_distributed(tensor: Any) -> bool:
    """Whether it is a DTensor, in an eager call."""
    if type(tensor) in PLAIN or torch.compiler.is_compiling():
        return False
    return type(tensor).__name__ == "DTensor"  # whose module takes half a second to import and is not in every torch


def _refuse_distributed(name: str, tensor: Tensor) -> None:
    if is_distributed(tensor):
        raise TypeError(
            f"{name} must be a plain tensor, got a DTensor: pass {name}.to_local() for this process's rows, or "
            f"{name}.full_tensor() where densities are to see those of every process."
        )


def is_number(value: Any) -> bool:
    """A real number of Python or numpy, not a bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def traced_number(value: Any) -> Any:
    """Under torch.compile, which traces numpy's numbers as arrays without axes, the number; anything else as it is."""
    if not (torch.compiler.is_compiling() and isinstance(value, np.ndarray) and value.ndim == 0):
        return value
    with torch._dynamo.patch_dynamo_config(capture_scalar_outputs=True):
        return torch.as_tensor(value).item()


def is_known(condition: bool) -> bool:
    """Whether it is true, of sizes and numbers that torch.compile or torch.export may have left open.

    An export is not narrowed by the question: there, only what holds for all of its sizes is known. Of a number that a
    compiled program learns as it runs nothing is. What the answer left out the op itself refuses.
    """
    if not torch.compiler.is_compiling():
        return condition
    from torch.fx.experimental.symbolic_shapes import guard_or_false, statically_known_true  # a second, for sympy

    return statically_known_true(condition) if torch.compiler.is_exporting() else guard_or_false(condition)


def can_be_read(tensor: Tensor) -> bool:
    """Whether its values can be looked at without waiting for a device or cutting a program that is being traced."""
    if torch.compiler.is_compiling() or type(tensor) not in PLAIN or not tensor.is_cpu or tensor.numel() == 0:
        return False
    return functorch.peek_interpreter_stack() is None and torch._C._len_torch_dispatch_stack() == 0


def is_whole(value: Any) -> bool:
    """An integer of Python or numpy, not a bool."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def whole(name: str, value: Any, *, least: int) -> int:
    """An integer of Python or numpy as Python's.

    Raises:
        TypeError: for anything else.
        ValueError: below `least`.
    """
    if not is_whole(value):
        raise TypeError(f"{name} must be an int, got {type(value).__name__}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")
    return int(value)


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


def in_dtype(dtype: torch.dtype, *tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors, converted where they have another dtype: asking costs less than a conversion that does nothing."""
    return tuple(tensor if tensor.dtype == dtype else tensor.to(dtype) for tensor in tensors)


def prepared(**tensors: Any) -> tuple[tuple[Tensor, ...], torch.dtype]:
    """The tensors, checked, expanded to one shape and in the dtype of the arithmetic; and the dtype of results.

    Raises:
        TypeError, ValueError, NotImplementedError: as `check_tensors` and `broadcast`.
    """
    values = tuple(tensors.values())
    if are_ready(values):
        return values, values[0].dtype
    check_tensors(**tensors)
    first, dtype = values[0], compute_dtype(*values)
    result_dtype = dtype if autocasts(first) else first.dtype
    return tuple(tensor.to(dtype) for tensor in broadcast(**tensors)), result_dtype


def are_ready(values: tuple[Any, ...]) -> bool:
    """Whether there is nothing to refuse or to convert: the one question that most calls need to be asked."""
    if torch.compiler.is_compiling() or forward_ad._current_level >= 0:
        return False
    first = values[0]
    if type(first) not in PLAIN or first.dtype not in COMPUTED:
        return False
    for value in values[1:]:
        if type(value) not in PLAIN or value.dtype != first.dtype or value.shape != first.shape:
            return False
        if value.device != first.device:
            return False
    return True


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
    shape = broadcast_shape(**tensors)
    return tuple(tensor.expand(shape) for tensor in tensors.values())


def broadcast_shape(**tensors: Tensor) -> torch.Size:
    """The one shape that the tensors expand to.

    Raises:
        ValueError: if they do not broadcast.
    """
    try:
        shape: torch.Size = torch.broadcast_shapes(*(tensor.shape for tensor in tensors.values()))
    except RuntimeError:
        shapes = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in tensors.items())
        raise ValueError(f"{' and '.join(tensors)} must have shapes that broadcast, got {shapes}.") from None
    return shape


def short_name(dtype: torch.dtype) -> str:
    """ "float32" for torch.float32."""
    return str(dtype).removeprefix("torch.")
