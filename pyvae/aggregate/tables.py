"""Rows of mu, logvar and labels wherever they lie: tensors, arrays, memory maps and .npy files."""

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Rows = Tensor | npt.NDArray[Any] | str | os.PathLike[str]
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
        self.dtype = _floating_dtype(name, self._data)
        if self._data.ndim != 2:
            raise ValueError(f"{name} must have the shape [N, D], got {list(self._data.shape)}.")
        self.shape: tuple[int, ...] = tuple(self._data.shape)
        self.device = self._data.device if isinstance(self._data, Tensor) else torch.device("cpu")

    def take(self, rows: Tensor) -> Tensor:
        """Copies of the rows [R] int64 -> [R, D], float32 for half types."""
        if isinstance(self._data, Tensor):
            taken = self._data.index_select(0, rows.to(self.device))
        else:
            array = self._data[rows.numpy()]
            taken = torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))
        return taken if taken.dtype == torch.float64 else taken.float()

    def check_finite(self, chunk: int) -> None:
        """Reads all rows once.

        Raises:
            ValueError: if one holds a NaN or an infinity.
        """
        for first in range(0, self.shape[0], chunk):
            some = self.take(torch.arange(first, min(first + chunk, self.shape[0])))
            if (
                not torch.stack(some.aminmax()).isfinite().all()
            ):  # makes no tensor of the chunk's size; NaN comes through
                row = first + int(some.isfinite().all(-1).logical_not().nonzero()[0, 0])
                raise ValueError(f"{self.name} must be finite, got a NaN or an infinity in row {row}.")


def interleaved(count: int, chunk: int) -> Iterator[Tensor]:
    """The rows 0 ... count - 1 in chunks of at most `chunk`, int64, each from all over: blocks in a fixed random order.

    Data sets are often ordered by a factor. A chunk of one value would be far from most queries, where a density is
    costly (tiers 1 and 2 of gridded_marginals), and blocks at equal distances may meet the period of a factor.
    """
    if count <= chunk:
        yield torch.arange(count)
        return
    block = _block_rows(chunk)
    order = torch.randperm(math.ceil(count / block), generator=torch.Generator().manual_seed(0))
    for blocks in order.tensor_split(chunks_of(count, chunk)):
        rows = (blocks.sort().values[:, None] * block + torch.arange(block)).flatten()
        yield rows[rows < count]


def chunks_of(count: int, chunk: int) -> int:
    """How many chunks `interleaved` gives."""
    block = _block_rows(chunk)
    return 1 if count <= chunk else math.ceil(math.ceil(count / block) / (chunk // block))


def _block_rows(chunk: int) -> int:
    return max(1, min(_BLOCK_ROWS, chunk // _LEAST_BLOCKS))


def members_by_value(labels: Rows, count: int) -> list[list[Members]]:
    """For each factor and each of its values, in ascending order, the rows that have it: labels [N] or [N, K].

    Raises:
        TypeError: for labels that are no whole numbers.
        ValueError: for labels of another shape, or of another number of rows than `count`.
    """
    opened = _opened("labels", labels)
    array = opened.cpu().numpy() if isinstance(opened, Tensor) else opened
    if array.dtype.kind not in "biu":
        raise TypeError(f"labels must be whole numbers, got {array.dtype}.")
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise ValueError(f"labels must have the shape [N] or [N, K], got {list(array.shape)}.")
    if array.shape[0] != count:
        raise ValueError(f"labels must have a row for each of the {count} posteriors, got {array.shape[0]}.")
    return [_split(column) for column in array.reshape(count, -1).T]


def _split(column: npt.NDArray[Any]) -> list[Members]:
    if column.dtype.kind != "b" and int(column.max()) - int(column.min()) < _RADIX_VALUES:
        column = (column.astype(np.uint64) - column.min().astype(np.uint64)).astype(np.uint16)  # modulo 2^64
    order = np.argsort(column, kind="stable")
    ordered = column[order]
    return np.split(order, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)


def _opened(name: str, rows: Rows) -> Tensor | npt.NDArray[Any]:
    if isinstance(rows, str | os.PathLike):
        path = os.fspath(rows)
        try:
            rows = np.load(path, mmap_mode="r")
        except (ValueError, EOFError) as error:  # what numpy raises for a file of another kind
            raise ValueError(f"{name} must be the path of a .npy file of numbers, got {path!r}.") from error
    if isinstance(rows, Tensor):
        return rows.detach()
    if not isinstance(rows, np.ndarray):
        kind = type(rows).__name__
        raise TypeError(f"{name} must be a tensor, a numpy array or the path of a .npy file, got {kind}.")
    return rows.view(np.ndarray)


def _floating_dtype(name: str, data: Tensor | npt.NDArray[Any]) -> torch.dtype:
    supported = {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64}
    supported["bfloat16"] = torch.bfloat16
    kind = str(data.dtype).removeprefix("torch.") if isinstance(data, Tensor) else data.dtype.name
    if kind not in supported:
        raise TypeError(f"{name} must be float32, float64, bfloat16 or float16, got {kind}.")
    return supported[kind]
