"""MPI3D: a robot arm that holds objects, rendered and real (Gondal et al. 2019)."""

import math
from pathlib import Path

import numpy as np

from pyvae.data.arguments import Cache, check_reading, sizes_of
from pyvae.data.formats.pixels import Pixels
from pyvae.data.formats.published import Published
from pyvae.data.image_table import ImageGrid, grid_factors

PUBLISHED = Published(
    "MPI3D",
    "mpi3d_toy.npz, mpi3d_realistic.npz, mpi3d_real.npz or that of the complex shapes",
    "https://github.com/rr-learning/disentanglement_dataset",
)
NAMES = (
    "object color", "object shape", "object size", "camera height", "background color", "horizontal axis",
    "vertical axis",
)  # fmt: skip
REAL, RENDERED = (6, 6, 2, 3, 3, 40, 40), (4, 4, 2, 3, 3, 40, 40)
"""Sizes of the real images, and of the rendered ones and those of the complex shapes."""


class MPI3D(ImageGrid):
    """64 x 64 images in colour, by colour, shape and size of the object, camera height, background colour and the
    angles of two axes.

    Args:
        path: the file.
        sizes: how many values each factor takes; as published, by the number of images, without it: REAL for 1 036 800
            and RENDERED for 460 800.
        cache: where the images are unpacked to, once, where they are compressed: a byte for each pixel and channel,
            12.74 GB of the real ones and 5.66 GB of the others, in `<file>.images.unpacked.npy` beside the file or in
            the folder named; False holds them in memory instead. What is not compressed is read where it is.
        progress: whether a bar on standard error tells how far unpacking is.

    Raises FileNotFoundError where there is no such file, ValueError for one of another layout, for `sizes` that do not
    fit and for a cache that cannot be written, TypeError for arguments of another type.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        sizes: tuple[int, ...] | None = None,
        cache: Cache = True,
        progress: bool = True,
    ) -> None:
        check_reading(cache, progress)
        if sizes is not None:
            sizes = sizes_of(sizes, NAMES)
        archive = PUBLISHED.archive(path)
        counts = [math.prod(known) for known in ((REAL, RENDERED) if sizes is None else (sizes,))]
        wanted = f"member images of shape ({' or '.join(map(str, counts))}, 64, 64, 3) and dtype uint8"
        header = PUBLISHED.check_member(
            archive, "images", wanted, lambda of: any(of.fits((count, 64, 64, 3), np.uint8) for count in counts)
        )
        if sizes is None:
            sizes = REAL if header.shape[0] == math.prod(REAL) else RENDERED
        factors = grid_factors(NAMES, sizes, nominal=("object color", "object shape", "background color"))
        super().__init__(Pixels(archive.images("images", cache, progress=progress), white=255), factors)
