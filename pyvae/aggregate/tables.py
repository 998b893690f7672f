"""Rows of mu, logvar and labels wherever they lie: tensors, arrays, memory maps and .npy files."""

import math
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pyvae.aggregate.npy import NpyRows, Unchanged, load
from pyvae.ops.arguments import short_name

Rows = Tensor | npt.NDArray[Any] | str | os.PathLike[str]
Labels = Rows | Sequence[Any]
Members = npt.NDArray[np.intp]

# Chunks take blocks of this many rows from all over the data set, at most. 40 KiB of float32 at D = 10: whole pages.
_BLOCK_ROWS = 1024
# Fewer blocks than this in a chunk could miss a part of an ordered data set.
_LEAST_BLOCKS = 64
# Of the labels' values those that fit 16 bits are sorted by radix, which at 737 280 rows takes 3 ms, not 60.
_RADIX_VALUES = 2**16


class Table:
    """The rows [N, D] of a floating tensor, array or .npy file; only those that are asked for are read."""

    def __init__(self, name: str, rows: Rows) -> None:
        self.name = name
        self._data = _opened(name, rows)
        self._map = _watched(name, rows) if isinstance(rows, np.memmap) else None
        self.dtype = _floating_dtype(name, self._data)
        if self._data.ndim != 2:
            raise ValueError(f"{name} must have the shape [N, D], got {list(self._data.shape)}.")
        self.shape: tuple[int, ...] = tuple(self._data.shape)
        self.device = self._data.device if isinstance(self._data, Tensor) else torch.device("cpu")

    def take(self, rows: Tensor) -> Tensor:
        """Copies of the rows [R] int64 -> [R, D], float32 for half types.

        Raises:
            ValueError: if a file has changed since it was opened.
        """
        if isinstance(self._data, Tensor):
            taken = self._data.index_select(0, rows.to(self.device))
        else:
            if self._map is not None:
                self._map.check()
            chosen = rows.numpy()
            array = self._data.take(chosen) if isinstance(self._data, NpyRows) else self._data[chosen]
            taken = torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))
        return taken if taken.dtype == torch.float64 else taken.float()

    def check_finite(self, chunk: int, most: float = math.inf) -> None:
        """Reads all rows once.

        Raises:
            ValueError: if one holds a NaN or an infinity, or a number further from 0 than `most`.
        """
        for first in range(0, self.shape[0], chunk):
            some = self.take(_range(first, min(first + chunk, self.shape[0])))
            ends = torch.stack(some.aminmax())  # makes no tensor of the chunk's size; NaN comes through
            if not ends.isfinite().all():
                row = first + int(some.isfinite().all(-1).logical_not().nonzero()[0, 0])
                raise ValueError(f"{self.name} must be finite, got a NaN or an infinity in row {row}.")
            if (ends.abs() > most).any():
                far = ends[int(ends.abs().argmax())].item()
                kind = short_name(some.dtype)
                raise ValueError(
                    f"{self.name} must be from -{most:g} to {most:g} for densities in {kind}, got {far:g}."
                )


def interleaved(count: int, chunk: int) -> Iterator[Tensor]:
    """The rows 0 ... count - 1 in chunks of at most `chunk`, int64, each from all over: blocks in a fixed random order.

    Data sets are often ordered by a factor. A chunk of one value would be far from most queries, where a density is
    costly (tiers 1 and 2 of gridded_marginals), and blocks at equal distances may meet the period of a factor.
    """
    if count <= chunk:
        yield _range(0, count)
        return
    block = _block_rows(chunk)
    order = torch.randperm(math.ceil(count / block), generator=torch.Generator().manual_seed(0), device="cpu")
    for blocks in order.tensor_split(chunks_of(count, chunk)):
        rows = (blocks.sort().values[:, None] * block + _range(0, block)).flatten()
        yield rows[rows < count]


def _range(first: int, stop: int) -> Tensor:
    """Rows are counted on the CPU, wherever torch makes tensors by default."""
    return torch.arange(first, stop, device="cpu")


def chunks_of(count: int, chunk: int) -> int:
    """How many chunks `interleaved` gives."""
    block = _block_rows(chunk)
    return 1 if count <= chunk else math.ceil(math.ceil(count / block) / (chunk // block))


def _block_rows(chunk: int) -> int:
    return max(1, min(_BLOCK_ROWS, chunk // _LEAST_BLOCKS))


def members_by_value(labels: Labels, count: int) -> list[list[Members]]:
    """For each factor and each of its values, in ascending order, the rows that have it: labels [N] or [N, K].

    Raises:
        TypeError: for labels that are no whole numbers; floating ones may be, 2.0 is.
        ValueError: for labels of another shape, or of another number of rows than `count`.
    """
    array = whole_numbers(labels)
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise ValueError(f"labels must have the shape [N] or [N, K], got {list(array.shape)}.")
    if array.shape[0] != count:
        raise ValueError(f"labels must have a row for each of the {count} posteriors, got {array.shape[0]}.")
    return [_split(column) for column in array.reshape(count, -1).T]


def whole_numbers(labels: Labels) -> npt.NDArray[Any]:
    """Labels as an array of integers or booleans, of any shape.

    Raises:
        TypeError: for labels that are no whole numbers, with the way to bins of a continuous factor.
        ValueError: for a file of another kind.
    """
    array = numbers("labels", labels, "whole numbers")
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
        fraction = array[~((array == np.floor(array)) & (np.abs(array) < 2.0**63))]  # NaN is one
        if fraction.size:
            raise TypeError(
                f"labels must be whole numbers, got {fraction[0]:g}: a continuous factor can be binned, by "
                "np.digitize(factor, np.quantile(factor, [0.2, 0.4, 0.6, 0.8])) into five of equal size."
            )
        return array.astype(np.int64)
    return array


def numbers(name: str, values: Labels, expected: str = "numbers") -> npt.NDArray[Any]:
    """Values as an array of integers, booleans or floating numbers, of any shape; a refusal says what was `expected`.

    Raises:
        TypeError: for values that are no numbers.
        ValueError: for a file of another kind.
    """
    array = _array(name, values, expected)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be {expected}, got {array.dtype}.")
    return array


def _array(name: str, labels: Labels, expected: str) -> npt.NDArray[Any]:
    if isinstance(labels, str | os.PathLike):
        return load(name, os.fspath(labels))
    if isinstance(labels, list | tuple):
        try:
            return np.asarray(labels)
        except (ValueError, TypeError) as error:  # rows of different lengths, or tensors that hold no number
            raise TypeError(f"{name} must be {expected}, got a list that is no array.") from error
    opened = _opened(name, labels)
    if isinstance(opened, Tensor):
        # numpy has no bfloat16.
        return (opened.double() if opened.is_floating_point() else opened).cpu().numpy()
    assert isinstance(opened, np.ndarray)
    return opened


def _split(column: npt.NDArray[Any]) -> list[Members]:
    if column.dtype.kind != "b" and int(column.max()) - int(column.min()) < _RADIX_VALUES:
        column = (column.astype(np.uint64) - column.min().astype(np.uint64)).astype(np.uint16)  # modulo 2^64
    order = np.argsort(column, kind="stable")
    ordered = column[order]
    return np.split(order, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)


def _opened(name: str, rows: Any) -> Tensor | npt.NDArray[Any] | NpyRows:
    if isinstance(rows, str | os.PathLike):
        return NpyRows(name, os.fspath(rows))
    if isinstance(rows, Tensor):
        return rows.detach()
    if not isinstance(rows, np.ndarray):
        kind = type(rows).__name__
        raise TypeError(f"{name} must be a tensor, a numpy array or the path of a .npy file, got {kind}.")
    return rows.view(np.ndarray)


def _watched(name: str, rows: np.memmap[Any, Any]) -> Unchanged | None:
    """What sees that a memory map's file has changed; None for a map of a file without a name."""
    path = None if rows.filename is None else os.fspath(rows.filename)
    if path is None or not os.path.exists(path):
        return None
    return Unchanged(name, path, path, may_be_written=rows.mode not in ("r", "c"))


def _floating_dtype(name: str, data: Tensor | npt.NDArray[Any] | NpyRows) -> torch.dtype:
    supported = {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64}
    supported["bfloat16"] = torch.bfloat16
    kind = short_name(data.dtype) if isinstance(data, Tensor) else data.dtype.name
    if kind not in supported:
        raise TypeError(f"{name} must be float32, float64, bfloat16 or float16, got {kind}.")
    return supported[kind]
