"""3D Shapes: 480 000 rendered images of an object in a room (Burgess and Kim 2018)."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pyvae.data.arguments import Cache, check_reading, sizes_of
from pyvae.data.formats.pixels import Pixels
from pyvae.data.formats.published import Published, extra
from pyvae.data.formats.unpacked import Blocks, Unpacking, of_file
from pyvae.data.image_table import ImageGrid, grid_factors, ranks

PUBLISHED = Published("3D Shapes", "3dshapes.h5", "https://github.com/google-deepmind/3d-shapes")
NAMES = ("floor hue", "wall hue", "object hue", "scale", "shape", "orientation")
_LEAST, _MOST = 2048, 40_000
"""Images read at a time, at least and at most: 25 to 490 MB."""


class Shapes3D(ImageGrid):
    """64 x 64 images in colour, by the hues of floor, wall and object, and the object's scale, shape and orientation.

    Needs h5py, of the extra `data`.

    Args:
        path: the file, or the folder that holds it.
        sizes: how many values each factor takes, for a smaller file of the same layout.
        cache: where the images are unpacked to, once: a byte for each pixel and channel, 5.90 GB as published, in
            `<file>.images.unpacked.npy` beside the file or in the folder named; False holds them in memory instead.
        progress: whether a bar on standard error tells how far unpacking is.

    Raises FileNotFoundError where there is no such file, ValueError for one of another layout, for `sizes` that do not
    fit and for a cache that cannot be written, TypeError for arguments of another type, ModuleNotFoundError without
    h5py.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        sizes: tuple[int, ...] = (10, 10, 10, 8, 4, 15),
        cache: Cache = True,
        progress: bool = True,
    ) -> None:
        check_reading(cache, progress)
        sizes = sizes_of(sizes, NAMES)
        file = PUBLISHED.found(path)
        count = math.prod(sizes)
        shape = (count, 64, 64, 3)
        with _opened(file) as opened:
            _check(opened, "images", shape, "u")
            _check(opened, "labels", (count, 6), "iuf")
            labels, rows = opened["labels"][:], _rows_at_a_time(opened["images"].chunks)
        grid = np.stack(np.unravel_index(np.arange(count), sizes), 1)
        if not np.array_equal(np.stack([ranks(column) for column in labels.T], 1), grid):
            raise PUBLISHED.refusal(f"labels that run through all of sizes {sizes}, the last fastest", "others")
        images = Unpacking(
            source=file,
            name=f"{file.stem}.images.unpacked.npy",
            identity=of_file(file, "images"),
            shape=shape,
            blocks=lambda: _blocks(file, count, rows),
            steps=math.ceil(count / rows),
        ).open(cache, progress=progress)
        super().__init__(Pixels(images, white=255), grid_factors(NAMES, sizes, nominal=("shape",)))


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """The file for reading; what h5py raises of one that is no HDF5, or damaged, becomes a refusal."""
    h5py = extra("h5py", "3D Shapes")
    try:
        with h5py.File(file, "r") as opened:
            yield opened
    except (OSError, RuntimeError, KeyError) as error:
        got = f"{str(file)!r} of another kind or damaged"
        raise PUBLISHED.refusal("datasets images and labels in HDF5", got) from error


def _check(opened: Any, name: str, shape: tuple[int, ...], kinds: str) -> None:
    found = opened.get(name)
    dtype = "uint8" if kinds == "u" else "numbers"
    fits = hasattr(found, "dtype") and found.shape == shape and found.dtype.kind in kinds
    if not fits or (kinds == "u" and found.dtype.itemsize != 1):
        has = ", ".join(opened) or "nothing"
        got = f"{found.shape} and {found.dtype}" if hasattr(found, "dtype") else f"one with {has}"
        raise PUBLISHED.refusal(f"dataset {name} of shape {shape} and dtype {dtype}", got)


def _rows_at_a_time(chunks: tuple[int, ...] | None) -> int:
    """Whole chunks, which h5py cuts across images, (15 000, 4, 4, 1) for the published shape: a slice of a few images
    unpacks as much as one of all that the chunks reach.
    """
    depth = chunks[0] if chunks else 1
    return min(_MOST, depth * math.ceil(_LEAST / depth))


def _blocks(file: Path, count: int, rows: int) -> Blocks:
    with _opened(file) as opened:
        images = opened["images"]
        for first in range(0, count, rows):
            yield first, images[first : min(first + rows, count)]
