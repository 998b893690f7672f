"""Traversals that move: all latents side by side, there and back, as one animated GIF."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from pyvae.plotting.images import tiled
from pyvae.plotting.pixels import GAP, enlarged, pixels

MILLISECONDS = 80
"""Of one frame."""


def gif(
    images: Tensor | npt.NDArray[np.generic],
    shape: tuple[int, ...],
    *,
    columns: int | None = None,
    milliseconds: int = MILLISECONDS,
) -> bytes:
    """An animated GIF of traversals [R, S, size]: R tiles, each through its S images and back, without an end.

    Tiles stand in rows of `columns`, all in one by default; images are of `shape`, (H, W) or (3, H, W), 0 black and 1
    white. The same images give the same bytes. Raises ValueError for another shape, and fewer than one column.
    """
    found = np.asarray(images)
    if found.ndim != 3 or 0 in found.shape:
        raise ValueError(f"images must have the shape [R, S, size], got {list(found.shape)}")
    rows, steps, size = found.shape
    across = rows if columns is None else columns
    if across < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    missing = -rows % across
    blank = np.full((missing, steps, size), np.nan)
    tiles = np.concatenate([found, blank]).reshape(-1, across, steps, size)
    there = [pixels(tiled(enlarged(tiles[:, :, step], shape), GAP)) for step in range(steps)]
    # Without dithering, which flickers and takes several times the bytes.
    frames = [Image.fromarray(frame).quantize(dither=Image.Dither.NONE) for frame in [*there, *there[-2:0:-1]]]
    out = io.BytesIO()
    frames[0].save(
        out, format="GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0, disposal=1
    )
    return out.getvalue()
