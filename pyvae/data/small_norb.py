"""smallNORB: 48 600 photographs of 50 toys in grey, of each of two cameras (LeCun, Huang and Bottou 2004)."""

import math
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pyvae.data.arguments import Cache, check_reading, check_whole, path_of, sizes_of
from pyvae.data.formats.norb import NorbFile, norb_file
from pyvae.data.formats.pictures import resized
from pyvae.data.formats.pixels import Pixels
from pyvae.data.formats.published import Published
from pyvae.data.formats.unpacked import Blocks, Unpacking, of_file
from pyvae.data.image_table import ImageGrid, grid_factors, ranks

PARTS = ("smallnorb-5x46789x9x18x6x2x96x96-training", "smallnorb-5x01235x9x18x6x2x96x96-testing")
PAGE = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
NAMES = ("category", "instance", "elevation", "azimuth", "lighting")
CAMERAS, SIDE = 2, 96
_BLOCK = 1024  # images read at a time


class SmallNORB(ImageGrid):
    """Grey images by category, instance, elevation, azimuth and lighting: the published training and test parts, which
    hold five instances of each category each, together.

    Args:
        path: the folder with the files -dat.mat, -cat.mat and -info.mat of both PARTS, as they are or as .mat.gz.
        sizes: how many values each factor takes, for smaller files of the same layout.
        camera: 0, the left one, or 1.
        side: of the images, 96 as published, by Lanczos' filter; 64 is usual, and needs Pillow, of the extra `data`.
        cache: where the images are unpacked to, once: a byte a pixel, 0.45 GB as published, in
            `small-norb.<camera>.<side>.unpacked.npy` in that folder or the one named; False holds them in memory.
        progress: whether a bar on standard error tells how far unpacking is.

    Raises FileNotFoundError where a file is missing, ValueError for files of another layout, for arguments that do not
    fit and for a cache that cannot be written, TypeError for arguments of another type.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        sizes: tuple[int, ...] = (5, 10, 9, 18, 6),
        camera: int = 0,
        side: int = SIDE,
        cache: Cache = True,
        progress: bool = True,
    ) -> None:
        check_reading(cache, progress)
        sizes = sizes_of(sizes, NAMES)
        check_whole(side=side)
        check_whole(0, CAMERAS - 1, camera=camera)
        path = Published("smallNORB", PARTS[0], PAGE).folder(path, "-dat.mat, -cat.mat and -info.mat of both parts")
        dats = [_found(path, part, "dat", "u1", (CAMERAS, SIDE, SIDE)) for part in PARTS]
        count = sum(dat.shape[0] for dat in dats)
        order = _order(_values(path, dats), sizes)
        images = Unpacking(
            source=dats[0].path,
            name=f"small-norb.{camera}.{side}.unpacked.npy",
            identity=" ".join(of_file(dat.path, camera, side) for dat in dats),
            shape=(count, side, side),
            blocks=lambda: _blocks(dats, camera, side),
            steps=sum(math.ceil(dat.shape[0] / _BLOCK) for dat in dats),
        ).open(cache, progress=progress)
        factors = grid_factors(NAMES, sizes, nominal=("category", "instance", "lighting"))
        super().__init__(Pixels(images, white=255), factors, order)


def _found(
    path: Path | str, part: str, kind: str, dtype: str, row: tuple[int, ...], rows: int | None = None
) -> NorbFile:
    """A file of rows of a shape, as many as it has or `rows`."""
    published = partial(Published, "smallNORB", page=PAGE)
    name = f"{part}-{kind}.mat"
    packed = path_of("path", path) / f"{name}.gz"
    file = norb_file(published(f"{name}.gz" if packed.is_file() else name).found(path))
    if file.dtype != dtype or file.shape[1:] != row or (rows is not None and file.shape[0] != rows):
        wanted = f"rows of shape {row} and dtype {np.dtype(dtype)}" + (f", {rows} of them" if rows is not None else "")
        raise published(name).refusal(wanted, f"shape {file.shape} and dtype {file.dtype}")
    return file


def _values(path: Path | str, dats: list[NorbFile]) -> npt.NDArray[np.int32]:
    """Category, instance, elevation, azimuth and lighting of each image, [N, 5], in the files' order."""
    rows = []
    for part, dat in zip(PARTS, dats, strict=True):
        category = _found(path, part, "cat", "<i4", (), dat.shape[0]).array()
        rows.append(np.column_stack([category, _found(path, part, "info", "<i4", (4,), dat.shape[0]).array()]))
    return np.concatenate(rows)


def _order(values: npt.NDArray[np.int32], sizes: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """The row of each combination."""
    numbers = np.stack([ranks(column) for column in values.T]) if len(values) else np.zeros((5, 0), np.int64)
    found = tuple(int(column.max(initial=-1)) + 1 for column in numbers)
    order = np.lexsort(numbers[::-1])
    grid = np.stack(np.unravel_index(np.arange(math.prod(sizes)), sizes))
    if found != sizes or not np.array_equal(numbers[:, order], grid):
        raise Published("smallNORB", " and ".join(f"{part}-info.mat" for part in PARTS), PAGE).refusal(
            f"one image of each combination of factors of sizes {sizes}", f"{len(values)} images of sizes {found}"
        )
    return order


def _blocks(dats: list[NorbFile], camera: int, side: int) -> Blocks:
    first = 0
    for dat in dats:
        for block in dat.blocks(_BLOCK):
            yield first, resized(np.ascontiguousarray(block[:, camera]), side)
            first += len(block)
