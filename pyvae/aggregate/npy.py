"""Files of rows: read piece by piece, and refused once somebody has written to them."""

import math
import os
import time
import weakref
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

# Rows at most so far apart are read together with what lies between: a page, which the system reads at a time anyway.
_GAP_BYTES = 4096
# Read at a time at most: what is picked from it is in a processor's second cache yet.
_RUN_BYTES = 2**18
# Times of files advance by a tick of the system's clock, 10 ms at most: two changes further apart have two times.
_TICK_NS = 20_000_000


class Unchanged:
    """Knows a file by its size and the time of its last change.

    Args:
        name: the argument that the file was given as.
        path: what a refusal calls it.
        file: its path or descriptor.
        may_be_written: whether its owner writes to it, so that only its end may not move towards its start.
    """

    def __init__(self, name: str, path: str, file: str | int, *, may_be_written: bool = False) -> None:
        self._name, self._path, self._file, self._may_be_written = name, path, file, may_be_written
        self._was = _settled(file)

    def check(self) -> None:
        """Raises ValueError if the file has changed since; one that is gone or replaced still lies behind its map."""
        try:
            now = os.stat(self._file)
        except FileNotFoundError:
            return
        if (now.st_dev, now.st_ino) != (self._was.st_dev, self._was.st_ino):
            return
        same = now.st_size == self._was.st_size and now.st_mtime_ns == self._was.st_mtime_ns
        if not (now.st_size >= self._was.st_size if self._may_be_written else same):
            raise self.refusal()

    def refusal(self) -> ValueError:
        return ValueError(f"{self._name} must not change while it is read, and {self._path!r} has since it was opened.")


def _settled(file: str | int) -> os.stat_result:
    """Its state, so long after the last change that the next one has another time."""
    for _ in range(10):  # a file that never comes to rest is not waited for
        state = os.stat(file)
        age = time.time_ns() - state.st_mtime_ns
        if not 0 <= age < _TICK_NS:
            break
        time.sleep((_TICK_NS - age) / 1e9)
    return state


class NpyRows:
    """The array [N, ...] of a .npy file, of which only the rows asked for are read.

    No memory map: a file that gets shorter behind one kills the process. A copy or a pickle holds the whole array.

    Raises:
        FileNotFoundError: for a path where nothing is.
        TypeError: for an .npz archive.
        ValueError: for a file of another kind, and from every method once the file has changed.
    """

    def __init__(self, name: str, path: str) -> None:
        header = _loaded(name, path, mmap_mode="r")
        self.dtype, self.shape, self.ndim = header.dtype, header.shape, header.ndim
        self._start, self._by_columns = header.offset, not header.flags.c_contiguous
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        self._unchanged = Unchanged(name, path, self._file)

    def __reduce__(self) -> tuple[Any, ...]:
        return np.asarray, (self.take(np.arange(self.shape[0])),)

    def take(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Copies of the rows [R], in any order, of a table [N, D] -> [R, D]."""
        self._unchanged.check()
        taken = np.empty((len(rows), *self.shape[1:]), self.dtype)
        room = np.empty(self._rows_of_run() * self._width, self.dtype)
        order = np.argsort(rows, kind="stable")
        for places in np.split(order, self._ends_of_runs(rows[order])):
            if len(places):
                run = rows[places]
                taken[places] = self._read(int(run[0]), int(run[-1]) + 1, room)[run - run[0]]
        self._unchanged.check()
        return taken

    @property
    def _width(self) -> int:
        """Items of a row."""
        width: int = math.prod(self.shape[1:])
        return width

    def _rows_of_run(self) -> int:
        rows: int = max(1, _RUN_BYTES // (self.dtype.itemsize * self._width))
        return rows

    def _ends_of_runs(self, ascending: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        """Where to cut rows in ascending order into what is read at a time."""
        far = np.diff(ascending) > max(1, _GAP_BYTES // (self.dtype.itemsize * self._width))
        full = np.diff(ascending // self._rows_of_run()) > 0
        return np.flatnonzero(far | full) + 1

    def _read(self, first: int, stop: int, room: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Rows [first, stop), which may lie in `room`."""
        width, count = self._width, stop - first
        if not self._by_columns:
            return self._items(first * width, count * width, room).reshape(count, *self.shape[1:])
        return np.stack([self._items(d * self.shape[0] + first, count, room).copy() for d in range(width)], 1)

    def _items(self, first: int, count: int, room: npt.NDArray[Any]) -> npt.NDArray[Any]:
        items = room[:count]
        size = os.preadv(self._file, [items.view(np.uint8).data], self._start + first * self.dtype.itemsize)
        if size != items.nbytes:
            raise self._unchanged.refusal()
        return items


def load(name: str, path: str) -> npt.NDArray[Any]:
    """The whole array of a .npy file; errors as `NpyRows`."""
    array: npt.NDArray[Any] = _loaded(name, path, mmap_mode=None)
    return array


def _loaded(name: str, path: str, *, mmap_mode: Literal["r"] | None) -> Any:
    try:
        found = np.load(path, mmap_mode=mmap_mode)
    except (ValueError, EOFError) as error:  # what numpy raises for a file of another kind
        raise ValueError(f"{name} must be the path of a .npy file of numbers, got {path!r}.") from error
    if not isinstance(found, np.ndarray):
        members = ", ".join(found.files)
        found.close()
        raise TypeError(
            f"{name} must be a tensor, a numpy array or the path of a .npy file, got the .npz archive {path!r} of "
            f"{members}: pass np.load({path!r})[{name!r}] or another of these."
        )
    return found
