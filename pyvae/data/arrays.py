"""One's own images, from arrays or files of arrays, with or without factors."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pyvae.data.arguments import Cache, check_reading, check_whole, path_of, texts_of, whole_numbers_of
from pyvae.data.data_set import Factor
from pyvae.data.formats.npz import Archive, npy_images
from pyvae.data.formats.pixels import Pixels
from pyvae.data.image_table import ImageTable
from pyvae.progress import progress_bar

IMAGES = ("images", "imgs", "x", "x_train", "data", "arr_0")
FACTORS = ("factors", "labels", "latents_classes", "y", "y_train", "arr_1")
"""Members of a .npz archive that are taken, the first of each that it has."""

SHAPES = "(height, width) or (3, height, width)"

Given = Tensor | npt.NDArray[Any] | Sequence[Any] | Path | str
_BLOCK_BYTES = 2**26  # looked at at a time
_COLOURS = 3
_WHOLE = 2**53
"""From here on float64 takes different whole numbers for one."""


class Arrays(ImageTable):
    """Images and, if there are any, the factors of each.

    Args:
        images: [N, H, W], [N, H, W, 3], [N, 3, H, W], either with 1 for 3, or flat [N, size] with `shape`; flat ones of
            a square number of pixels need no `shape`. Where the first axis of an image could be its channels as well as
            the last, `shape` tells which is; of [N, 3, 3, 3] it is the last. A tensor, an array, or the path of a .npy
            file, or of a .npz archive with a member named as IMAGES says. Of bool; of uint8, 0 to 255; or of a float
            type, in [0, 1].
        factors: numbers [N] or [N, F]: likewise, or the path of a .npy file; from a .npz archive of images the member
            named as FACTORS says is taken. A column with any number that is not whole is continuous; the whole numbers
            of others lie between -2^53 and 2^53.
        names: of the factors; "factor 0" and so on without them.
        nominal: names of factors that are kinds without an order.
        shape: of an image, before it was flattened if it was, (height, width) or (3, height, width).
        white: the value that becomes 1, for uint8 with another than 255, such as 1.
        cache: where images of uint8 in a compressed archive are unpacked to, once: a byte for each pixel and channel,
            in `<file>.<member>.unpacked.npy` beside the file or in the folder named; False holds them in memory.
            Other files are mapped where they lie.
        progress: whether a bar on standard error tells how far reading is.

    Every image is looked at once, where its type allows values out of range.

    Raises TypeError for images or factors of another type, ValueError for another shape, a value out of range, NaN,
    arguments that do not fit, and a file of another layout, FileNotFoundError where there is none.
    """

    def __init__(
        self,
        images: Given,
        factors: Given | None = None,
        *,
        names: Sequence[str] | None = None,
        nominal: Iterable[str] = (),
        shape: Sequence[int] | None = None,
        white: int | None = None,
        cache: Cache = True,
        progress: bool = True,
    ) -> None:
        check_reading(cache, progress)
        found, beside = _images(images, cache, progress)
        array, channels_first = _shaped(found, None if shape is None else whole_numbers_of("shape", shape, SHAPES))
        white = _white(array, white)
        _check_range(array, white, progress)
        given = beside if factors is None else _array("factors", factors)
        values = _values(given, len(array))
        super().__init__(
            Pixels(array, white, channels_first=channels_first),
            values,
            _factors(values, names, texts_of("nominal", nominal)),
        )


def _images(given: Given, cache: Cache, progress: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Images, and the factors that an archive has beside them."""
    if not isinstance(given, Path | str):
        return _array("images", given), None
    path = _file("images", given)
    if path.suffix == ".npy":
        return npy_images(path, "images"), None
    archive = Archive(path, "images")
    members = [name for name in IMAGES if name in archive.names]
    if not members:
        has = ", ".join(archive.names) or "nothing"
        raise ValueError(f"images must be in a member of {str(path)!r} named {', '.join(IMAGES)}, got {has}.")
    factors = [archive.array(name) for name in FACTORS if name in archive.names][:1]
    return archive.images(members[0], cache, progress=progress), factors[0] if factors else None


def _file(name: str, given: Path | str) -> Path:
    path = path_of(name, given)
    if path.suffix not in (".npy", ".npz"):
        raise ValueError(f"{name} must be the path of a .npy file or a .npz archive, got {str(path)!r}.")
    if not path.is_file():
        raise FileNotFoundError(f"{name} must be the path of a file, got {str(path)!r}, where none is.")
    return path


def _array(name: str, given: Given) -> npt.NDArray[Any]:
    if isinstance(given, Path | str):
        path = _file(name, given)
        if path.suffix != ".npy":
            raise ValueError(f"{name} must be the path of a .npy file, got {str(path)!r}.")
        return npy_images(path, name)
    if isinstance(given, Tensor):
        return _of_tensor(name, given.detach().cpu())
    try:
        return np.asarray(given)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} must be an array whose rows have one length.") from error
    except (TypeError, RuntimeError) as error:  # of tensors on a GPU, sparse ones, and those that ask for a gradient
        got = type(given).__name__
        raise TypeError(f"{name} must be an array, a tensor or lists of numbers, got {got}: {error}") from error


def _of_tensor(name: str, given: Tensor) -> npt.NDArray[Any]:
    try:
        return given.float().numpy() if given.dtype == torch.bfloat16 else given.numpy()
    except (TypeError, RuntimeError) as error:  # of another layout, or of a type that numpy lacks
        raise TypeError(
            f"{name} must be a dense tensor of a type that numpy has, got {given.layout} and {given.dtype}."
        ) from error


def _shaped(array: npt.NDArray[Any], shape: tuple[int, ...] | None) -> tuple[npt.NDArray[Any], bool]:
    """Images [N, H, W] or with one or three channels, and whether these come first."""
    if array.dtype.kind not in "bf" and array.dtype != np.uint8:
        raise TypeError(f"images must be of bool, uint8 or a float type, got {array.dtype}.")
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise ValueError(
            f"images must have the shape [N, H, W], [N, H, W, 3], [N, 3, H, W] or [N, size], got {list(array.shape)}."
        )
    if array.ndim == 2:
        return _unflattened(array, shape), True
    readings = _readings(array.shape[1:])
    if not readings:
        raise ValueError(f"images must have 1 or 3 channels, first or last, got the shape {list(array.shape)}.")
    either = " or ".join(map(str, readings))
    if shape is None and len(readings) > 1:
        raise ValueError(f"shape must be given for images of shape {list(array.shape)}, {either}.")
    if shape is not None and shape not in readings:
        raise ValueError(f"shape must be that of the images, {either}, got {shape}.")
    return array, readings[shape or next(iter(readings))]


def _readings(image: tuple[int, ...]) -> dict[tuple[int, ...], bool]:
    """What an image's axes may mean: (height, width) or (3, height, width), and whether channels come first."""
    if len(image) == 2:
        return {image: False}
    first, last = (image, True), ((image[2], *image[:2]), False)  # where shapes are equal the last one stays
    found = {shape: channels_first for shape, channels_first in (first, last) if shape[0] in (1, _COLOURS)}
    return {shape[1:] if shape[0] == 1 else shape: channels_first for shape, channels_first in found.items()}


def _unflattened(array: npt.NDArray[Any], shape: tuple[int, ...] | None) -> npt.NDArray[Any]:
    size = array.shape[1]
    side = math.isqrt(size)
    if shape is None:
        if side**2 != size:
            raise ValueError(f"shape must be given for flat images of {size} numbers, which are no square.")
        shape = (side, side)
    channels = 1 if len(shape) == 2 else shape[0] if len(shape) == 3 else 0
    if channels not in (1, _COLOURS) or min(shape) < 1 or math.prod(shape) != size:
        raise ValueError(f"shape must be {SHAPES} of {size} numbers, got {shape}.")
    return array.reshape(len(array), *shape)


def _white(array: npt.NDArray[Any], white: int | None) -> int:
    if white is not None:
        check_whole(1, 255, white=white)
        if array.dtype != np.uint8:
            raise ValueError(f"white must be given for images of uint8 alone, got {white} for {array.dtype}.")
    if white is None and array.dtype == np.uint8 and not any((block > 1).any() for _, block in _blocks(array)):
        raise ValueError("white must be given for images of uint8 without a value above 1: white=1 takes 1 as white.")
    return white or (255 if array.dtype == np.uint8 else 1)


def _check_range(array: npt.NDArray[Any], white: int, progress: bool) -> None:
    """Refuses values out of range, where the type has any."""
    if array.dtype.kind == "b" or white == 255:
        return
    blocks = math.ceil(len(array) / _rows(array))
    with progress_bar("checking images", blocks, shown=progress and blocks > 1) as advance:
        for first, block in _blocks(array):
            # NaN fails both comparisons.
            inside = ((block >= 0) & (block <= white)).reshape(len(block), -1).all(1)
            if not inside.all():
                row = int(np.flatnonzero(~inside)[0])
                values = block[row]
                value = values[~((values >= 0) & (values <= white))].flat[0]
                raise ValueError(f"images must lie between 0 and {white}, got {value} in image {first + row}.")
            advance()


def _rows(array: npt.NDArray[Any]) -> int:
    return max(1, _BLOCK_BYTES // (math.prod(array.shape[1:]) * array.dtype.itemsize))


def _blocks(array: npt.NDArray[Any]) -> Iterable[tuple[int, npt.NDArray[Any]]]:
    for first in range(0, len(array), _rows(array)):
        yield first, array[first : first + _rows(array)]


def _values(given: npt.NDArray[Any] | None, count: int) -> Tensor:
    """Factors [N, F], int64 if all are whole and float64 otherwise."""
    if given is None:
        return torch.zeros(count, 0, dtype=torch.int64)
    if given.dtype.kind not in "biuf":
        objects = ": take .to_numpy(float) of a table, and a number for each kind" if given.dtype.hasobject else ""
        raise TypeError(f"factors must be numbers, got {given.dtype}{objects}.")
    if given.ndim not in (1, 2) or len(given) != count or 0 in given.shape:
        raise ValueError(f"factors must have the shape [{count}] or [{count}, F], got {list(given.shape)}.")
    values = np.array(given, dtype=np.float64).reshape(count, -1)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(1))[0])
        raise ValueError(f"factors must be finite, got a NaN or an infinity in row {row}.")
    whole = (values == np.floor(values)).all(0)
    _check_whole(given.reshape(count, -1), whole & (np.abs(values) >= _WHOLE))
    return torch.from_numpy(values.astype(np.int64) if whole.all() else values)


def _check_whole(given: npt.NDArray[Any], far: npt.NDArray[np.bool_]) -> None:
    """Refuses the whole numbers that are too far from 0 to be told apart."""
    if far.any():
        row, column = (int(place) for place in np.argwhere(far)[0])
        raise ValueError(
            f"factors must lie between -2^53 and 2^53 where they are whole, got {given[row, column]} in row {row}: "
            "number them from 0."
        )


def _factors(values: Tensor, names: Sequence[str] | None, nominal: tuple[str, ...]) -> tuple[Factor, ...]:
    count = values.shape[1]
    found = texts_of("names", names) if names is not None else tuple(f"factor {k}" for k in range(count))
    if len(found) != count or len(set(found)) != count:
        raise ValueError(f"names must be {count} different ones, one for each factor, got {list(found)}.")
    unknown = set(nominal) - set(found)
    if unknown:
        raise ValueError(f"nominal must name factors among {', '.join(found)}, got {min(unknown)!r}.")
    sizes = [len(column.unique()) if bool((column == column.floor()).all()) else None for column in values.T]
    continuous = [name for name, size in zip(found, sizes, strict=True) if size is None and name in nominal]
    if continuous:
        raise ValueError(f"nominal must name factors of whole numbers, got {continuous[0]!r}, which is continuous.")
    return tuple(Factor(name, size, name in nominal) for name, size in zip(found, sizes, strict=True))
