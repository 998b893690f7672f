"""Rows of an array of images, gathered and brought to [0, 1] when they are asked for."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Images = npt.NDArray[np.uint8]
"""Of any shape: bytes, as files have them."""


class Pixels:
    """The images of an array [N, H, W], [N, H, W, C] or, with `channels_first`, [N, C, H, W], which is never copied.

    Args:
        array: of bool, uint8 or a float type, in memory or mapped; a mapped one travels to other processes as its path.
        white: the value that becomes 1.
    """

    def __init__(self, array: npt.NDArray[Any], white: float, *, channels_first: bool = False) -> None:
        self.array, self.white, self._channels_first = array, white, channels_first
        self._plain = np.asarray(array)  # of a map, without numpy's bookkeeping at each index

    def __len__(self) -> int:
        return len(self.array)

    def __reduce__(self) -> tuple[Any, ...]:
        array: Any = self.array
        if isinstance(array, np.memmap) and array.filename is not None and array.base is not None:
            array = _Map(str(array.filename), int(array.offset), array.dtype.str, array.shape)
        return _restored, (array, self.white, self._channels_first)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: (height, width), or (channels, height, width) where there are several channels."""
        *_, a, b, c = (1, *self.array.shape[1:])
        if self.array.ndim == 3:
            return (b, c)
        channels, height, width = (a, b, c) if self._channels_first else (c, a, b)
        return (height, width) if channels == 1 else (channels, height, width)

    def take(self, rows: Tensor) -> Tensor:
        """Images [..., size] float32 in [0, 1] of whole numbers of rows [...], channel by channel, on their device."""
        gathered = self._plain[rows.reshape(-1).cpu().numpy()]
        if gathered.dtype.kind == "f":
            gathered = gathered.astype(np.float32)  # torch knows no other order of bytes, and fewer types
        if gathered.ndim == 4 and not self._channels_first:
            gathered = _channels_first(gathered)
        # Bytes go to the device: a quarter of what their floats would be.
        images = torch.from_numpy(np.ascontiguousarray(gathered)).to(rows.device).to(torch.float32)
        return images.div_(self.white).reshape(*rows.shape, math.prod(self.shape))


def _channels_first(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[N, H, W, C] -> [N, C, H, W]; a channel at a time takes a third of the time of one copy."""
    count, height, width, channels = images.shape
    out = np.empty((count, channels, height, width), images.dtype)
    for channel in range(channels):
        out[:, channel] = images[..., channel]
    return out


class _Map(NamedTuple):
    """What opens a mapped array again."""

    path: str
    offset: int
    dtype: str
    shape: tuple[int, ...]


def _restored(array: Any, white: float, channels_first: bool) -> Pixels:
    return Pixels(mapped(*array) if isinstance(array, _Map) else array, white, channels_first=channels_first)


def mapped(path: Path | str, offset: int, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """An array that lies in a file, whose pages are read when they are touched; writing to it changes no file."""
    return np.memmap(path, dtype=dtype, mode="c", offset=offset, shape=shape)
