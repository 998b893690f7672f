"""Pictures of files, and pictures of another size, by Pillow."""

from pathlib import Path

import numpy as np

from pyvae.data.formats.pixels import Images
from pyvae.data.formats.published import extra

_WIDE = ("I", "F")
"""How the modes of Pillow begin whose numbers are whole ones of 16 or 32 bits, or floats: it would cut them to 255."""


def resized(images: Images, side: int | None) -> Images:
    """Images [N, H, W] or [N, H, W, 3] with sides of `side` pixels, by Lanczos' filter; as they are for None."""
    if side is None or images.shape[1:3] == (side, side):
        return images
    picture = extra("PIL.Image", "another side of images")
    out = np.empty((len(images), side, side, *images.shape[3:]), np.uint8)
    for image, small in zip(images, out, strict=True):
        small[...] = picture.fromarray(image).resize((side, side), picture.Resampling.LANCZOS)
    return out


def read_picture(path: Path, *, colour: bool) -> Images:
    """A picture [H, W], or [H, W, 3] with `colour`, whatever its file holds.

    Raises ValueError for a file that is no whole picture, and for one whose numbers are no bytes.
    """
    picture = extra("PIL.Image", "reading pictures")
    try:
        with picture.open(path) as found:
            mode = found.mode
            if not mode.startswith(_WIDE):
                return np.asarray(found.convert("RGB" if colour else "L"))
    except (OSError, SyntaxError, ValueError, picture.DecompressionBombError) as error:
        raise ValueError(f"path must hold pictures that can be read, got {str(path)!r}, which is none.") from error
    raise ValueError(f"path must hold pictures of 8 bits a channel, got {str(path)!r} of Pillow's mode {mode}.")
