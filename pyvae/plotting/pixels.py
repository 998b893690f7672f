"""Images as files, pixel for pixel: for pages, where text stands beside them and is not drawn."""

import io
import math

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image

from pyvae.plotting.images import TINT, tiled, unflattened

LEAST = 64
"""Pixels of a tile's longer side: smaller images are enlarged by a whole number, so that none is blurred."""
GAP = 4

Bytes = NDArray[np.uint8]


def strip(images: NDArray[np.generic], shape: tuple[int, ...] | None = None) -> bytes:
    """A PNG of flat images [columns, size] in a row, or [rows, columns, size] in rows; shape as `unflattened` takes it.

    0 is black and 1 is white; what is not a number has the tint of the gaps.
    """
    found = images if images.ndim == 3 else images[None]
    return png(pixels(tiled(enlarged(found, shape), GAP)))


def enlarged(images: NDArray[np.generic], shape: tuple[int, ...] | None = None) -> NDArray[np.generic]:
    """Flat images [..., size] as tiles [..., H, W] or [..., H, W, 3] with a longer side of at least LEAST."""
    tiles = unflattened(images, shape)
    first = tiles.ndim - (2 if shape is None or len(shape) == 2 else 3)
    times = math.ceil(LEAST / max(tiles.shape[first : first + 2]))
    return tiles.repeat(times, axis=first).repeat(times, axis=first + 1)


def pixels(values: NDArray[np.generic]) -> Bytes:
    """Numbers [H, W] or [H, W, 3] as bytes [H, W, 3]; NaN becomes the tint."""
    colours = values[..., None] if values.ndim == 2 else values
    shown = np.where(np.isfinite(colours), np.clip(colours.astype(np.float64), 0.0, 1.0), to_rgb(TINT))
    return np.asarray(np.rint(shown * 255), dtype=np.uint8)


def png(values: Bytes) -> bytes:
    """Bytes [H, W, 3] as a PNG; equal ones give equal files."""
    out = io.BytesIO()
    Image.fromarray(values).save(out, format="PNG", optimize=True)
    return out.getvalue()
