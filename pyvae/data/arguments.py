"""What every data set asks of its arguments, each refusal in one sentence that names the argument."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyvae.ops.arguments import is_number, is_whole, short_name

Numbers = Tensor | Any
"""A tensor, or what numpy takes for an array: lists, arrays, columns of tables."""
Cache = bool | Path | str
"""Where unpacked images are kept: True is beside their file, a path another folder, False memory alone."""

_SHOWN = 80
"""Letters at most that an error shows of a value."""
_ROWS = 2**63 - 1
"""Rows at most that int64 counts."""
_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)
"""Types that torch stores but does not compare."""


def check_whole(least: int = 1, most: int | None = None, /, **settings: Any) -> None:
    """Refuses a setting that is no whole number, by TypeError, and one below `least` or above `most`, by ValueError."""
    for name, value in settings.items():
        if not is_whole(value):
            raise TypeError(f"{name} must be a whole number, got {shown(value)}")
        if most is not None and not least <= value <= most:
            raise ValueError(f"{name} must lie between {least} and {most}, got {value}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")


def check_flags(**flags: Any) -> None:
    """Refuses, by TypeError, a setting that is neither True nor False."""
    for name, value in flags.items():
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} must be True or False, got {shown(value)}")


def check_reading(cache: Cache, progress: bool) -> None:
    """Refuses, by TypeError, what does not say where images are unpacked to, and whether a bar is shown."""
    if not isinstance(cache, bool | str | os.PathLike):
        raise TypeError(f"cache must be True, False or the path of a folder, got {shown(cache)}")
    check_flags(progress=progress)


def finite_number(name: str, value: Any, hint: str = "") -> float:
    """A finite number. Raises TypeError, with a hint, and ValueError for anything else."""
    if not is_number(value):
        raise TypeError(f"{name} must be a number, got {shown(value)}{hint}")
    try:
        number = float(value)
    except OverflowError:  # a whole number that is too large for a float
        number = np.inf
    if not np.isfinite(number):
        raise ValueError(f"{name} must be finite, got {shown(value)}")
    return number


def path_of(name: str, given: Path | str) -> Path:
    """A path, with ~ for one's home.

    Raises TypeError for what is neither text nor a path, ValueError for one that the system does not take.
    """
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"{name} must be a path, got {shown(given)}")
    path = Path(given)
    with suppress(RuntimeError):  # of ~ and the name of nobody: that of a file
        path = path.expanduser()
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return path
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"{name} must be a path that can be looked at, got {shown(given)}: {reason}") from error
    return path


def items_of(given: Any) -> list[Any] | None:
    """The items of what has some; None of a text, of a mapping and of what has none."""
    try:
        return None if isinstance(given, str | bytes | Mapping) else list(given)
    except TypeError:
        return None


def texts_of(name: str, given: Iterable[str]) -> tuple[str, ...]:
    """Names, in their order. Raises TypeError for one name alone, and for what holds anything else."""
    found = items_of(given)
    if found is None or not all(isinstance(one, str) for one in found):
        raise TypeError(f"{name} must be a list of names, got {shown(given)}")
    return tuple(found)


def whole_numbers_of(name: str, given: Iterable[int], expected: str) -> tuple[int, ...]:
    """Whole numbers, in their order. Raises TypeError, which says what was expected, for anything else."""
    found = items_of(given)
    if found is None or not all(map(is_whole, found)):
        raise TypeError(f"{name} must be {expected}, got {shown(given)}")
    return tuple(map(int, found))


def sizes_of(sizes: Iterable[int], names: Sequence[str]) -> tuple[int, ...]:
    """A whole number of at least 1 for each name. Raises TypeError and ValueError for anything else."""
    found = whole_numbers_of("sizes", sizes, f"{len(names)} whole numbers, of {', '.join(names)}")
    if len(found) != len(names) or min(found) < 1:
        raise ValueError(f"sizes must be {len(names)} numbers of at least 1, of {', '.join(names)}, got {found}")
    return found


def shown(value: Any) -> str:
    """A value in an error: in one line, and its type alone where that would be long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else type(value).__name__


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
        if seed.dim() != 1 or not len(seed):
            raise ValueError(_seeds_sentence(streams, f"shape {list(seed.shape)} for {name}"))
    return tuple(seeds[name] for name in streams)


def _seeds_sentence(streams: tuple[str, ...], got: str) -> str:
    wanted = ", ".join(f"{name!r}: …" for name in streams)
    return f"seeds must be {{{wanted}}} with an int64 tensor [K], a seed for each of K models, got {got}"


def tensor_of(name: str, given: Numbers, dtype: torch.dtype | None = None) -> Tensor:
    """A tensor as it is, but for unsigned types that torch does not compare, which become int64; of other numbers one
    of `dtype`, or numpy's without it.

    Raises TypeError for anything else, and for complex numbers.
    """
    found = given if isinstance(given, Tensor) else _from_numpy(name, given)
    if found.is_complex():
        raise TypeError(f"{name} must be real numbers, got {short_name(found.dtype)}")
    if found.dtype in _UNSIGNED:
        found = found.long()
    return found if dtype is None or isinstance(given, Tensor) else found.to(dtype)


def _from_numpy(name: str, given: Numbers) -> Tensor:
    try:
        array = np.asarray(given)
        # A copy in order and in the machine's order of bytes: torch takes no other.
        return torch.as_tensor(array.astype(array.dtype.newbyteorder("="), order="C"))
    except (TypeError, ValueError, RuntimeError) as error:
        got = repr(given) if isinstance(given, str) else type(given).__name__
        got += " of objects, of which .to_numpy(float) makes numbers" if hasattr(given, "to_numpy") else ""
        raise TypeError(f"{name} must be a tensor, an array or lists of numbers, got {got}") from error


def rows_of(rows: Numbers, count: int) -> Tensor:
    """Rows [...] of the `count` of a test set, int64.

    Raises TypeError for other than whole numbers, ValueError for rows out of range.
    """
    found = tensor_of("rows", rows)
    if found.numel() and (found.is_floating_point() or found.dtype == torch.bool):
        raise TypeError(f"rows must be whole numbers, got {short_name(found.dtype)}")
    if count > _ROWS:
        raise ValueError(f"rows must be numbers of a test set of at most 2^63 - 1 images, got one of {count}")
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


@lru_cache(maxsize=64)
def _tensor_of_sizes(sizes: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(sizes, device=device)


def numbers_of(factors: Numbers, sizes: tuple[int, ...]) -> Tensor:
    """Factors [..., F] that are numbers of values, as a tensor.

    Raises TypeError and ValueError as `factors_of`, and ValueError for values out of range and fractions.
    """
    found = factors_of(factors, len(sizes))
    inside = (found >= 0) & (found < _tensor_of_sizes(sizes, found.device))
    if not bool(inside.all()):
        wrong = found[~inside.all(-1)][0].tolist()
        raise ValueError(f"factors must lie between 0 and sizes - 1 for sizes {sizes}, got {wrong}")
    if found.is_floating_point() and not bool((whole := found == found.floor()).all()):
        raise ValueError(f"factors must be whole numbers, got {found[~whole.all(-1)][0].tolist()}")
    return found
