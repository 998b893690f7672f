"""The look shared by every figure: object API only (no pyplot state), Agg canvas, colours safe for
colour-blind eyes.
"""

from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

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


def logarithmic(axes: Axes, axis: str) -> None:
    """A logarithmic axis, "x" or "y", where a line has a point to show on it: those of diverged models have none."""
    lines = [np.asarray(line.get_xydata(), dtype=np.float64) for line in axes.lines]
    points = np.concatenate([np.empty((0, 2)), *lines])
    shown = points[np.isfinite(points).all(axis=1)]
    if (shown[:, "xy".index(axis)] > 0).any():
        axes.set(**{f"{axis}scale": "log"})


def shades(count: int) -> list[tuple[float, float, float, float]]:
    """Colours for an ordered quantity, dark to light, even in lightness and distinct in grey too."""
    return [colormaps["viridis"](x) for x in np.linspace(0.0, 0.88, count)]


def save_png(figure: Figure, path: Path) -> None:
    """Write the figure as PNG, atomically; the file carries no date, so equal figures are equal bytes."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png", metadata={"Software": None})
