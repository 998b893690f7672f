"""What every data set asks of its arguments, each refusal in one sentence that names the argument."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

Numbers = Tensor | Any
"""A tensor, or what numpy takes for an array: lists, arrays, columns of tables."""


def check_count(count: int) -> None:
    """Refuses a number of images below 1."""
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")


def check_whole(least: int = 1, **settings: object) -> None:
    """Refuses a setting that is no whole number, by TypeError, and one below `least`, by ValueError."""
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise TypeError(f"{name} must be a whole number, got {value!r}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")


def check_sizes(sizes: Sequence[int], names: Sequence[str]) -> None:
    """Refuses what is not a whole number of at least 1 for each name, by TypeError and ValueError."""
    if not isinstance(sizes, Iterable) or not all(isinstance(size, Integral) for size in sizes):
        raise TypeError(f"sizes must be {len(names)} whole numbers, of {', '.join(names)}, got {sizes!r}")
    if len(sizes) != len(names) or min(sizes) < 1:
        raise ValueError(f"sizes must be {len(names)} numbers of at least 1, of {', '.join(names)}, got {tuple(sizes)}")


def seeds_of(seeds: Mapping[str, Tensor], streams: tuple[str, ...]) -> tuple[Tensor, ...]:
    """The seeds of each stream, int64 [K]; of further streams others may have need.

    Raises TypeError for what is no mapping and holds no int64 tensors, ValueError for a stream that is missing, and for
    another shape.
    """
    if not isinstance(seeds, Mapping):
        raise TypeError(_seeds_sentence(streams, type(seeds).__name__))
    for name in streams:
        seed = seeds.get(name)
        if seed is None:
            raise ValueError(_seeds_sentence(streams, f"none for {name}"))
        if not isinstance(seed, Tensor) or seed.dtype != torch.int64:
            kind = seed.dtype if isinstance(seed, Tensor) else type(seed).__name__
            raise TypeError(_seeds_sentence(streams, f"{kind} for {name}"))
        if seed.dim() != 1:
            raise ValueError(_seeds_sentence(streams, f"shape {list(seed.shape)} for {name}"))
    return tuple(seeds[name] for name in streams)


def _seeds_sentence(streams: tuple[str, ...], got: str) -> str:
    listed = ", ".join(f"{name!r}: …" for name in streams)
    return f"seeds must be {{{listed}}} with an int64 tensor [K], a seed for each of K models, got {got}"


def tensor_of(name: str, given: Numbers, dtype: torch.dtype | None = None) -> Tensor:
    """A tensor as it is; of other numbers one of `dtype`, or numpy's without it. Raises TypeError for anything else."""
    if isinstance(given, Tensor):
        return given
    try:
        array = np.asarray(given)
        # A copy in order and in the machine's order of bytes: torch takes no other.
        return torch.as_tensor(array.astype(array.dtype.newbyteorder("="), order="C"), dtype=dtype)
    except (TypeError, ValueError) as error:
        got = repr(given) if isinstance(given, str) else type(given).__name__
        got += " of objects, of which .to_numpy(float) makes numbers" if hasattr(given, "to_numpy") else ""
        raise TypeError(f"{name} must be a tensor, an array or lists of numbers, got {got}") from error


def rows_of(rows: Numbers, count: int) -> Tensor:
    """Rows [...] of the `count` of a test set, int64.

    Raises TypeError for other than whole numbers, ValueError for rows out of range.
    """
    found = tensor_of("rows", rows)
    if found.numel() and (found.is_floating_point() or found.is_complex() or found.dtype == torch.bool):
        raise TypeError(f"rows must be whole numbers, got {str(found.dtype).removeprefix('torch.')}")
    found = found.long()
    outside = (found < 0) | (found >= count)
    if bool(outside.any()):
        raise ValueError(f"rows must lie between 0 and {count - 1}, got {int(found[outside][0])}")
    return found


def factors_of(factors: Numbers, width: int, dtype: torch.dtype | None = None) -> Tensor:
    """Factors [..., F] as a tensor, of `dtype` if they were none.

    Raises TypeError for what holds no numbers, ValueError for another number of factors.
    """
    found = tensor_of("factors", factors, dtype)
    if found.shape[-1:] != (width,):
        raise ValueError(f"factors must have shape [..., {width}], got {list(found.shape)}")
    return found


def numbers_of(factors: Numbers, sizes: tuple[int, ...]) -> Tensor:
    """Factors [..., F] that are numbers of values, as a tensor.

    Raises TypeError and ValueError as `factors_of`, and ValueError for values out of range and fractions.
    """
    found = factors_of(factors, len(sizes))
    inside = ((found >= 0) & (found < torch.tensor(sizes, device=found.device))).all(-1)
    if not bool(inside.all()):
        raise ValueError(
            f"factors must lie between 0 and sizes - 1 for sizes {sizes}, got {found[~inside][0].tolist()}"
        )
    if found.is_floating_point() and not bool((whole := (found == found.floor()).all(-1)).all()):
        raise ValueError(f"factors must be whole numbers, got {found[~whole][0].tolist()}")
    return found
