"""Figures made of images, grey or in colour, in rows."""

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyvae.plotting.style import INK, new_figure

UNIT, MARGIN, TITLE = 0.42, 0.06, 0.3
"""Inches: an image's longer side with its gap, the blank around, the line of the title."""
TINT = "#b9cbe0"
"""Between images, so that white and black ones keep an edge."""


def unflattened(images: NDArray[np.generic], shape: tuple[int, ...] | None = None) -> NDArray[np.generic]:
    """Flat images [..., size] as rows and columns of pixels, [..., H, W], or [..., H, W, 3] in colour.

    shape is that of an image before it was flattened, (H, W) or (3, H, W), which is flat channel by channel; without it
    images are square and grey. Raises ValueError for a shape that is neither or of another size.
    """
    size = images.shape[-1]
    side = round(size**0.5)
    found = (side, side) if shape is None else tuple(shape)
    if int(np.prod(found)) != size or not (len(found) == 2 or (len(found) == 3 and found[0] == 3)):
        given = (
            "be given for images that are not square and grey" if shape is None else f"be (H, W) or (3, H, W) of {size}"
        )
        raise ValueError(f"shape must {given}, got {shape} for images of {size} numbers")
    out = images.reshape(*images.shape[:-1], *found)
    return out if len(found) == 2 else np.moveaxis(out, -3, -1)


def tiled(tiles: NDArray[np.generic], gap: int = 2) -> NDArray[np.float64]:
    """Tiles [rows, columns, H, W] or [rows, columns, H, W, 3] side by side, `gap` pixels of NaN between them."""
    rows, columns, height, width = tiles.shape[:4]
    down, across = height + gap, width + gap
    out = np.full((rows * down - gap, columns * across - gap, *tiles.shape[4:]), np.nan)
    for r in range(rows):
        for c in range(columns):
            out[r * down : r * down + height, c * across : c * across + width] = tiles[r, c]
    return out


def mosaic(images: NDArray[np.generic], gap: int = 2, *, shape: tuple[int, ...] | None = None) -> NDArray[np.float64]:
    """Flat images [rows, columns, size] side by side in one array, `gap` pixels of NaN between them; shape as
    `unflattened`.
    """
    return tiled(unflattened(images, shape), gap)


def show_rows(
    images: NDArray[np.generic],
    labels: list[str],
    title: str,
    *,
    low: float = 0.0,
    high: float = 1.0,
    shape: tuple[int, ...] | None = None,
) -> Figure:
    """Rows of flat images [rows, columns, size], one label a row; low is black and high is white, in every channel.

    shape is (H, W), or (3, H, W) in colour; without it images are square and grey.
    """
    tiles = unflattened(images, shape)
    rows, columns, height, width_of_one = tiles.shape[:4]
    figure = new_figure(1, 1)
    figure.set_layout_engine("none")  # every size is known: the images' is fixed, and labels are measured
    axes = figure.add_subplot()
    grey = colormaps["gray"].with_extremes(bad=TINT)
    shown = tiled(tiles)
    if shown.ndim == 3:
        shown = np.where(np.isnan(shown), to_rgb(TINT), np.clip((shown - low) / (high - low), 0.0, 1.0))
    axes.imshow(shown, cmap=grey, vmin=low, vmax=high, interpolation="nearest")
    axes.set_yticks([r * (height + 2) + height / 2 for r in range(rows)], labels)
    axes.set_xticks([])
    axes.tick_params(length=0, labelsize=9, colors=INK)
    axes.spines[:].set_visible(False)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    beside = max(label.get_window_extent().width for label in axes.get_yticklabels()) / figure.dpi + 2 * MARGIN
    unit = UNIT / max(height, width_of_one)
    across, down = columns * unit * width_of_one, rows * unit * height
    # The least width leaves room for the title where a study shows few images.
    width, height = max(beside + across + MARGIN, 3.5), TITLE + down + MARGIN
    figure.set_size_inches(width, height)
    axes.set_position((beside / width, MARGIN / height, across / width, down / height))
    return figure
