"""dSprites: 737 280 binary images of one white shape on black (Matthey, Higgins, Hassabis and Lerchner 2017)."""

import math
from pathlib import Path

import numpy as np

from pyvae.data.arguments import Cache, check_reading, sizes_of
from pyvae.data.formats.pixels import Pixels
from pyvae.data.formats.published import Published
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
    fit and for a cache that cannot be written, TypeError for arguments of another type.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        sizes: tuple[int, ...] = (3, 6, 40, 32, 32),
        cache: Cache = True,
        progress: bool = True,
    ) -> None:
        check_reading(cache, progress)
        sizes = sizes_of(sizes, NAMES)
        archive = PUBLISHED.archive(path)
        count = math.prod(sizes)
        wanted = f"member imgs of shape ({count}, 64, 64) and dtype uint8"
        PUBLISHED.check_member(archive, "imgs", wanted, lambda of: of.fits((count, 64, 64), np.uint8))
        wanted = f"member latents_classes of shape ({count}, 6) and a whole dtype"
        PUBLISHED.check_member(archive, "latents_classes", wanted, lambda of: of.fits((count, 6)) and of.is_whole)
        classes = archive.array("latents_classes")[:, 1:]
        if not np.array_equal(classes, np.stack(np.unravel_index(np.arange(count), sizes), 1)):
            raise PUBLISHED.refusal(
                f"latents_classes that run through all values of sizes {sizes}, the last fastest", "others"
            )
        images = archive.images("imgs", cache, progress=progress)
        if (most := images[0].max()) > 1:  # every image has a sprite, whose pixels are alike: the first one tells
            raise PUBLISHED.refusal("member imgs of 0 and 1", f"pixels of {most}")
        super().__init__(Pixels(images, white=1), grid_factors(NAMES, sizes, nominal=("shape",)))
