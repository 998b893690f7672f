"""Pictures of files, and pictures of another size, by Pillow."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from pyvae.data.formats.published import extra


def resized(images: npt.NDArray[np.uint8], side: int | None) -> npt.NDArray[np.uint8]:
    """Images [N, H, W] or [N, H, W, 3] with sides of `side` pixels, by Lanczos' filter; as they are for None."""
    if side is None or images.shape[1:3] == (side, side):
        return images
    picture = extra("PIL.Image", "another side of images")
    out = np.empty((len(images), side, side, *images.shape[3:]), np.uint8)
    for image, small in zip(images, out, strict=True):
        small[...] = picture.fromarray(image).resize((side, side), picture.Resampling.LANCZOS)
    return out


def read_picture(path: Path, *, colour: bool) -> npt.NDArray[np.uint8]:
    """A picture [H, W], or [H, W, 3] with `colour`, whatever its file holds.

    Raises ValueError for a file that is no whole picture.
    """
    picture = extra("PIL.Image", "reading pictures")
    try:
        with picture.open(path) as found:
            return np.asarray(found.convert("RGB" if colour else "L"))
    except (OSError, SyntaxError, ValueError, picture.DecompressionBombError) as error:
        raise ValueError(f"path must hold pictures that can be read, got {str(path)!r}, which is none.") from error
