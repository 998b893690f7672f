"""Arrays in the binary format of the NORB data sets."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

BYTES, INTEGERS = 0x1E3D4C55, 0x1E3D4C54
DTYPES: dict[int, np.dtype[Any]] = {BYTES: np.dtype("u1"), INTEGERS: np.dtype("<i4")}
_LEAST_SIZES = 3  # that a header has room for


class NorbFile(NamedTuple):
    """A file, perhaps in gzip's format: dtype, shape, and the bytes of its header."""

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    header: int

    def array(self) -> npt.NDArray[Any]:
        """All of it."""
        return np.concatenate(list(self.blocks(max(1, self.shape[0]))))

    def blocks(self, rows: int) -> Iterator[npt.NDArray[Any]]:
        """Consecutive rows.

        Raises ValueError where the file ends early.
        """
        row = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
        with _opened(self.path) as file:
            file.read(self.header)
            for first in range(0, self.shape[0], rows):
                count = min(rows, self.shape[0] - first)
                data = _read(file, count * row, self.path)
                yield np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])


def norb_file(path: Path) -> NorbFile:
    """What a file's header says: little-endian numbers of 32 bits, which are a magic number for the dtype, the number
    of axes, and the sizes of at least three.

    Raises ValueError for a file of another kind.
    """
    with _opened(path) as file:
        magic, axes = (int(n) for n in np.frombuffer(_read(file, 8, path), "<u4"))
        if magic not in DTYPES or not 1 <= axes <= 8:
            raise ValueError(f"path must hold files of NORB's binary format, got {str(path)!r} of another kind.")
        stored = max(_LEAST_SIZES, axes)
        sizes = np.frombuffer(_read(file, 4 * stored, path), "<i4")[:axes]
    return NorbFile(path, DTYPES[magic], tuple(int(size) for size in sizes), 8 + 4 * stored)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield file


def _read(file: Any, size: int, path: Path) -> bytes:
    try:
        data: bytes = file.read(size)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"path must hold whole files, got {str(path)!r}, which is damaged.") from error
    if len(data) != size:
        raise ValueError(f"path must hold whole files, got {str(path)!r}, which ends early.")
    return data
