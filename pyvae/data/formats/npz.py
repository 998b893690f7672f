"""Arrays of .npz archives and .npy files: mapped where they lie, unpacked where compressed, never unpickled."""

import math
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from pyvae.data.arguments import Cache
from pyvae.data.formats.pixels import mapped
from pyvae.data.formats.unpacked import Blocks, Unpacking

_BLOCK_BYTES = 2**25  # read at a time
_MAGIC = b"PK\x03\x04"
"""What an archive with members begins with."""
_HEADER_BYTES = 2**16  # at most: numpy refuses to read longer ones
_DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, NotImplementedError, RuntimeError)
"""What zipfile and numpy raise where bytes are not those that were written."""


class Header(NamedTuple):
    """What an array's first bytes say of it, and how many they are."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    by_columns: bool
    length: int

    @property
    def is_whole(self) -> bool:
        """Whether the items are whole numbers."""
        return self.dtype.kind in "iu"

    def fits(self, shape: tuple[int, ...], dtype: npt.DTypeLike | None = None) -> bool:
        """Whether it has the shape, and the dtype where one is asked for."""
        return self.shape == shape and (dtype is None or self.dtype == dtype)

    def __str__(self) -> str:
        return f"shape {self.shape} and dtype {self.dtype}"


class Archive:
    """The members of a .npz archive, which is read when they are asked for. Errors name the argument that it came by.

    Raises ValueError for a file of another kind.
    """

    def __init__(self, path: Path, argument: str = "path") -> None:
        self.path, self._argument = path, argument
        try:
            with zipfile.ZipFile(path) as file:
                infos = file.infolist()
        except _DAMAGE as error:
            raise ValueError(f"{argument} must be a .npz archive, got {str(path)!r} {fault_of(path)}.") from error
        self._members = {info.filename.removesuffix(".npy"): info for info in infos}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def header(self, name: str) -> Header:
        """Of a member.

        Raises ValueError for one that is no array of numbers.
        """
        try:
            with zipfile.ZipFile(self.path) as file, file.open(self._members[name]) as member:
                start = BytesIO(member.read(_HEADER_BYTES))
        except _DAMAGE as error:
            raise self._damaged(name) from error
        return header_of(start, self._argument, f"member {name} of {str(self.path)!r}")

    def array(self, name: str) -> npt.NDArray[Any]:
        """A whole member, in memory.

        Raises ValueError for one that is no array of numbers, or damaged.
        """
        self.header(name)  # which tells objects from damage
        try:
            with np.load(self.path, allow_pickle=False) as file:
                array: npt.NDArray[Any] = file[name]
        except _DAMAGE as error:
            raise self._damaged(name) from error
        return array

    def images(self, name: str, cache: Cache, *, progress: bool) -> npt.NDArray[Any]:
        """A member, mapped: where it lies in the archive, or if it is compressed unpacked as Unpacking says into
        `<stem>.<member>.unpacked.npy`, for images of uint8; others are then held in memory.
        """
        header, info = self.header(name), self._members[name]
        if info.file_size != header.length + math.prod(header.shape) * header.dtype.itemsize:
            raise self._damaged(name)
        if header.by_columns:
            return self.array(name)
        if info.compress_type == zipfile.ZIP_STORED:
            return mapped(self.path, self._start(info) + header.length, header.dtype, header.shape)
        if header.dtype != np.uint8:
            return self.array(name)
        rows = max(1, _BLOCK_BYTES // max(1, math.prod(header.shape[1:])))
        return Unpacking(
            source=self.path,
            name=f"{self.path.stem}.{name}.unpacked.npy",
            identity=f"{name} {info.CRC} {info.file_size}",
            shape=header.shape,
            blocks=lambda: self._blocks(name, header, rows),
            steps=math.ceil(header.shape[0] / rows),
        ).open(cache, progress=progress)

    def _start(self, info: zipfile.ZipInfo) -> int:
        """Where a member's bytes begin: behind the 30 bytes of its own header, its name and the extra field."""
        with self.path.open("rb") as file:
            file.seek(info.header_offset + 26)
            lengths = np.frombuffer(file.read(4), "<u2")
        return info.header_offset + 30 + int(lengths.sum())

    def _blocks(self, name: str, header: Header, rows: int) -> Blocks:
        row = math.prod(header.shape[1:])
        with zipfile.ZipFile(self.path) as file, file.open(self._members[name]) as member:
            member.read(header.length)
            for first in range(0, header.shape[0], rows):
                count = min(rows, header.shape[0] - first)
                try:
                    data = member.read(count * row)
                except _DAMAGE as error:
                    raise self._damaged(name) from error
                if len(data) != count * row:
                    raise self._damaged(name)
                yield first, np.frombuffer(data, np.uint8).reshape(count, *header.shape[1:])

    def _damaged(self, name: str) -> ValueError:
        return ValueError(
            f"{self._argument} must be a whole archive, got {str(self.path)!r} whose member {name} is damaged."
        )


def fault_of(path: Path) -> str:
    """What is wrong with a file that does not open as a .npz archive: the list of its members stands at its end."""
    with path.open("rb") as file:
        return "that is damaged or ends early" if file.read(len(_MAGIC)) == _MAGIC else "of another kind"


def npy_images(path: Path, argument: str) -> npt.NDArray[Any]:
    """The array of a .npy file, mapped; one that is stored by columns is held in memory.

    Raises ValueError for a file of another kind.
    """
    with path.open("rb") as file:
        header = header_of(file, argument, repr(str(path)))
    if path.stat().st_size < header.length + math.prod(header.shape) * header.dtype.itemsize:
        raise ValueError(f"{argument} must be a whole .npy file, got {str(path)!r}, which ends early.")
    if header.by_columns:
        array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
        return array
    return mapped(path, header.length, header.dtype, header.shape)


def header_of(file: BinaryIO, argument: str, what: str) -> Header:
    """The header that an array in the .npy format begins with.

    Raises ValueError for other content, and for an array of objects, which only a pickle holds.
    """
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read(file)
    except (ValueError, EOFError, SyntaxError, TokenError) as error:
        raise ValueError(f"{argument} must hold an array in the .npy format, got {what}.") from error
    if dtype.hasobject:
        raise ValueError(f"{argument} must hold an array of numbers, got objects in {what}.")
    return Header(shape, dtype, by_columns and len(shape) > 1, file.tell())
