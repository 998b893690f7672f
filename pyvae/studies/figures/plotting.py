"""The look shared by every figure: object API only (no pyplot state), Agg canvas, colours safe for
colour-blind eyes.
"""

from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyvae.files import atomic_path

INK = "#222222"
FAINT = "#8a8a8a"
DPI = 150


def new_figure(width: float, height: float) -> Figure:
    """A white figure of the given size in inches that lays itself out."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Titles to the left, two spines, a faint grid."""
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel(xlabel, color=INK)
    axes.set_ylabel(ylabel, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.tick_params(labelsize=9, colors=INK)


def shades(count: int) -> list[tuple[float, float, float, float]]:
    """Colours for an ordered quantity, dark to light, even in lightness and distinct in grey too."""
    return [colormaps["viridis"](x) for x in np.linspace(0.0, 0.88, count)]


def save_png(figure: Figure, path: Path) -> None:
    """Write the figure as PNG, atomically; the file carries no date, so equal figures are equal bytes."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png", metadata={"Software": None})


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
    unit = 0.42
    # The least width and height leave room for title and labels where a study shows few images.
    figure = new_figure(max(columns * unit + 1.3, 3.5), max(rows * unit + 0.55, 1.4))
    axes = figure.add_subplot()
    grey = colormaps["gray"].with_extremes(bad="#b9cbe0")  # a tint, so that white and black images keep an edge
    axes.imshow(mosaic(images), cmap=grey, vmin=low, vmax=high, interpolation="nearest")
    axes.set_yticks([r * (side + 2) + side / 2 for r in range(rows)], labels)
    axes.set_xticks([])
    axes.tick_params(length=0, labelsize=9, colors=INK)
    axes.spines[:].set_visible(False)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    return figure
