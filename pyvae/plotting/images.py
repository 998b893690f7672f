"""Figures made of images: grey squares in rows."""

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyvae.plotting.style import INK, new_figure

UNIT, MARGIN, TITLE = 0.42, 0.06, 0.3
"""Inches: an image with its gap, the blank around, the line of the title."""


def mosaic(images: NDArray[np.generic], gap: int = 2) -> NDArray[np.float64]:
    """Square images [rows, columns, pixels] side by side in one array, `gap` pixels of NaN between them."""
    rows, columns, size = images.shape
    side = round(size**0.5)
    step = side + gap
    out = np.full((rows * step - gap, columns * step - gap), np.nan)
    for r in range(rows):
        for c in range(columns):
            out[r * step : r * step + side, c * step : c * step + side] = images[r, c].reshape(side, side)
    return out


def show_rows(
    images: NDArray[np.generic], labels: list[str], title: str, *, low: float = 0.0, high: float = 1.0
) -> Figure:
    """Rows of square grey images [rows, columns, pixels], one label a row; low is black and high is white."""
    rows, columns, size = images.shape
    side = round(size**0.5)
    figure = new_figure(1, 1)
    figure.set_layout_engine("none")  # every size is known: the images' is fixed, and labels are measured
    axes = figure.add_subplot()
    grey = colormaps["gray"].with_extremes(bad="#b9cbe0")  # a tint, so that white and black images keep an edge
    axes.imshow(mosaic(images), cmap=grey, vmin=low, vmax=high, interpolation="nearest")
    axes.set_yticks([r * (side + 2) + side / 2 for r in range(rows)], labels)
    axes.set_xticks([])
    axes.tick_params(length=0, labelsize=9, colors=INK)
    axes.spines[:].set_visible(False)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    beside = max(label.get_window_extent().width for label in axes.get_yticklabels()) / figure.dpi + 2 * MARGIN
    across, down = columns * UNIT, rows * UNIT
    # The least width leaves room for the title where a study shows few images.
    width, height = max(beside + across + MARGIN, 3.5), TITLE + down + MARGIN
    figure.set_size_inches(width, height)
    axes.set_position((beside / width, MARGIN / height, across / width, down / height))
    return figure
