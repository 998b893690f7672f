"""Images of files that cannot be mapped, unpacked once as a .npy file that can."""

import hashlib
import math
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pyvae.data.arguments import Cache, path_of
from pyvae.data.formats.pixels import Images, mapped
from pyvae.files import atomic_path
from pyvae.progress import progress_bar

Blocks = Iterator[tuple[int, Images]]
"""Images block by block, each with the number of its first row."""

_MARK = b"\nunpacked by pyvae from "
_SPARE_BYTES = 2**20  # that a disk keeps free


@dataclass(frozen=True)
class Unpacking:
    """Images uint8 of a shape [N, ...] that are read block by block.

    Args:
        source: the file or folder they come from.
        name: of the .npy file.
        identity: what of the source and the settings the images depend on; other text, and they are unpacked anew.
        shape: of all images.
        blocks: reads them, every row once.
        steps: how many blocks there are.
    """

    source: Path
    name: str
    identity: str
    shape: tuple[int, ...]
    blocks: Callable[[], Blocks]
    steps: int

    def open(self, cache: Cache, *, progress: bool) -> Images:
        """The images, mapped, or in memory where `cache` is False.

        A file appears whole or not at all, whatever interrupts; one that another source or other settings left, or that
        was cut short since, is replaced. It takes a byte for each pixel and channel.

        Raises ValueError for a cache that cannot be written, lacks room, or holds a foreign file of that name.
        """
        if cache is False:
            images = np.empty(self.shape, np.uint8)
            for first, block in self._read(progress):
                images[first : first + len(block)] = block
            return images
        folder = self.source.parent if cache is True else path_of("cache", cache)
        path = folder / self.name
        found = self._opened(path)
        if found is None:
            self._write(path, progress)
            found = self._opened(path)
            assert found is not None
        return found

    @property
    def _trailer(self) -> bytes:
        """Ends the file, behind what readers of .npy files take."""
        return _MARK + hashlib.sha256(self.identity.encode()).hexdigest().encode()

    def _opened(self, path: Path) -> Images | None:
        """The images of an earlier unpacking; None where there is none or a stale one."""
        if not path.is_file():
            return None
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - len(self._trailer)))
            trailer = file.read()
            if not trailer.startswith(_MARK):
                if self._is_cut_short(file):
                    return None
                raise ValueError(f"cache must not hold another's file {str(path)!r}: move it, or name another folder.")
        start = len(self._header)
        if trailer != self._trailer or path.stat().st_size != start + math.prod(self.shape) + len(trailer):
            return None
        return mapped(path, start, np.uint8, self.shape)

    def _is_cut_short(self, file: BinaryIO) -> bool:
        """Whether a file begins as this one does and lacks a part of its end, in images or trailer: it is nobody's
        whole file.
        """
        file.seek(0)
        start = file.read(len(self._header))
        if not start or not self._header.startswith(start):
            return False
        end = len(self._header) + math.prod(self.shape)
        size = file.seek(0, os.SEEK_END)
        file.seek(min(size, end))
        return size < end or (size > end and self._trailer.startswith(file.read()))

    @cached_property
    def _header(self) -> bytes:
        room = BytesIO()
        shape = tuple(map(int, self.shape))
        np.lib.format.write_array_header_1_0(room, {"descr": "|u1", "fortran_order": False, "shape": shape})
        return room.getvalue()

    def _write(self, path: Path, progress: bool) -> None:
        self._check_room(path.parent)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            file.write(self._header)
            row = math.prod(self.shape[1:])
            for first, block in self._read(progress):
                file.seek(len(self._header) + first * row)
                file.write(np.ascontiguousarray(block).data)
            file.seek(len(self._header) + math.prod(self.shape))
            file.write(self._trailer)

    def _check_room(self, folder: Path) -> None:
        needed = math.prod(self.shape)
        otherwise = "name another folder, or False to hold the images in memory"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"cache must be a folder, got {str(folder)!r}: {otherwise}.") from error
        if not os.access(folder, os.W_OK):
            raise ValueError(f"cache must be a folder to write to, got {str(folder)!r}: {otherwise}.")
        free = shutil.disk_usage(folder).free
        if free < needed + _SPARE_BYTES:
            raise ValueError(
                f"cache must have room for {needed / 1e9:.2f} GB of images, got {str(folder)!r} with {free / 1e9:.2f} "
                f"GB: {otherwise}."
            )

    def _read(self, progress: bool) -> Blocks:
        with progress_bar(f"unpacking {self.source.name}", self.steps, shown=progress) as advance:
            for first, block in self.blocks():
                yield first, block
                advance()


def of_file(path: Path, *settings: object) -> str:
    """The identity of what comes from one file: it tells by size and time of the last change whether that is as it
    was.
    """
    state = path.stat()
    return f"{state.st_size} {state.st_mtime_ns} {settings}"
