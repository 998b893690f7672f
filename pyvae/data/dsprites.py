"""dSprites: 737 280 binary images of one white shape on black (Matthey, Higgins, Hassabis and Lerchner 2017)."""

import math
from pathlib import Path

import numpy as np

from pyvae.data.formats.pixels import Pixels
from pyvae.data.formats.published import Published
from pyvae.data.formats.unpacked import Cache
from pyvae.data.image_table import ImageGrid, grid_factors

PUBLISHED = Published(
    "dSprites",
    "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
    "https://github.com/google-deepmind/dsprites-dataset",
)
NAMES = ("shape", "scale", "orientation", "x", "y")


class DSprites(ImageGrid):
    """64 x 64 images in {0, 1} of square, ellipse and heart, by shape, scale, orientation, x and y.

    Orientations are published from 0 to a full turn, both included: the first and the last of the 40 look alike, so
    that there are 39 different ones. `Sprites` renders the same factors without that. The colour, of which there is
    one, is no factor here, and `metadata` of the file, a pickle, is left alone.

    Args:
        path: the file, or the folder that holds it.
        sizes: how many values each factor takes, for a smaller file of the same layout.
        cache: where the images are unpacked to, once: a byte a pixel, 3.02 GB as published, in
            `<file>.imgs.unpacked.npy` beside the file or in the folder named; False holds them in memory instead.
        progress: whether a bar on standard error tells how far unpacking is.

    Raises FileNotFoundError where there is no such file, ValueError for one of another layout, for `sizes` that do not
    fit and for a cache that cannot be written, TypeError for numbers
    that are not whole.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        sizes: tuple[int, ...] = (3, 6, 40, 32, 32),
        cache: Cache = True,
        progress: bool = True,
    ) -> None:
        factors = grid_factors(NAMES, sizes, nominal=("shape",))
        archive = PUBLISHED.archive(path)
        count = math.prod(sizes)
        wanted = f"member imgs of shape ({count}, 64, 64) and dtype uint8"
        PUBLISHED.check_member(archive, "imgs", wanted, lambda of: of.fits((count, 64, 64), np.uint8))
        wanted = f"member latents_classes of shape ({count}, 6) and a whole dtype"
        PUBLISHED.check_member(archive, "latents_classes", wanted, lambda of: of.fits((count, 6)) and of.is_whole)
        classes = archive.array("latents_classes")[:, 1:]
        if not np.array_equal(classes, np.stack(np.unravel_index(np.arange(count), tuple(sizes)), 1)):
            raise PUBLISHED.refusal(
                f"latents_classes that run through all values of sizes {tuple(sizes)}, the last fastest", "others"
            )
        super().__init__(Pixels(archive.images("imgs", cache, progress=progress), white=1), factors)
