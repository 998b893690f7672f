"""Heat maps: a number in every cell, its spread over seeds, and a line across the cells."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps, patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyvae.plotting.numbers import decimals
from pyvae.plotting.style import INK, new_figure, tidy

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Map:
    """What a heat map shows: values [rows, columns, seeds], its words, its colour range and its number format."""

    title: str
    unit: str
    values: Array
    digits: int = 3
    high: float | None = None
    at_least: NDArray[np.bool_] | None = None
    exponents: bool = False


@dataclass(frozen=True)
class Axis:
    """What the rows or the columns of a map stand for."""

    label: str
    values: Array | NDArray[np.str_]
    """Numbers, or names."""


@dataclass(frozen=True)
class Line:
    """A line across a map, in cell coordinates: cell (0, 0) has its centre at column 0, row 0."""

    columns: Array
    rows: Array
    label: str


def draw_map(chart: Map, rows: Axis, columns: Axis, line: Line | None = None) -> Figure:
    """One map, the first row at its foot.

    Cells print the mean over seeds and, with several seeds, under it the standard deviation, "sd 0.02": ± is for
    intervals.
    The colour range starts at 0. `at_least` [rows, columns] marks cells whose value is a lower limit with a sign
    in front; `exponents` prints small numbers as 3e-6 rather than as 0.000. Empty cells stay white.
    """
    mean, spread = _over_seeds(chart.values)
    several = chart.values.shape[2] > 1
    height = 1.75 + (0.52 if several else 0.42) * len(rows.values)
    figure = new_figure(1.9 + 0.95 * len(columns.values), height)
    axes = figure.add_subplot()
    high = chart.high if chart.high is not None else max(float(np.nanmax(mean, initial=0.0)), 1e-12)
    image = axes.imshow(mean, origin="lower", aspect="auto", cmap="viridis", vmin=0.0, vmax=high)
    for i, j in np.ndindex(mean.shape):
        limit = bool(chart.at_least is not None and chart.at_least[i, j])
        _print_number(axes, (i, j), float(mean[i, j]), float(spread[i, j]), chart, high, limit)
    tidy(axes, chart.title, columns.label, rows.label)
    axes.grid(False)
    axes.set_xticks(range(len(columns.values)), _ticks(columns))
    axes.set_yticks(range(len(rows.values)), _ticks(rows))
    if line is not None:
        _draw_line(axes, line)
    axes.set_xlim(-0.5, len(columns.values) - 0.5)
    axes.set_ylim(-0.5, len(rows.values) - 0.5)
    bar = figure.colorbar(image, ax=axes, fraction=0.05, aspect=35, pad=0.02)
    bar.set_label(chart.unit, color=INK)
    bar.outline.set_visible(False)
    return figure


def _ticks(axis: Axis) -> list[str]:
    return [value if isinstance(value, str) else f"{value:g}" for value in axis.values]


def _draw_line(axes: Axes, line: Line) -> None:
    (drawn,) = axes.plot(line.columns, line.rows, color="#e8413c", linewidth=2, label=line.label)
    drawn.set_path_effects([patheffects.Stroke(linewidth=3.6, foreground="white"), patheffects.Normal()])
    axes.figure.legend(loc="outside lower left", frameon=False, fontsize=9)


def _print_number(
    axes: Axes, place: tuple[int, int], mean: float, spread: float, chart: Map, high: float, limit: bool
) -> None:
    row, column = place
    if np.isnan(mean):
        axes.text(column, row, "-", ha="center", va="center", color=INK, fontsize=9)
        return
    shade = colormaps["viridis"](min(1.0, max(0.0, mean / high)))
    red, green, blue, _ = shade
    style: dict[str, Any] = {
        "color": "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45 else "white",
        "ha": "center",
        "va": "center",
        "bbox": {"boxstyle": "round,pad=0.15", "facecolor": shade, "edgecolor": "none"},  # a line passes behind it
        "zorder": 5,
    }
    known = not np.isnan(spread)
    text = ("≥ " if limit else "") + _format(mean, chart)
    axes.text(column, row + (0.16 if known else 0), text, fontsize=9, **style)
    if known:
        axes.text(column, row - 0.22, f"sd {_format(spread, chart)}", fontsize=6.5, **style)


def _format(value: float, chart: Map) -> str:
    if chart.exponents and 0 < value < 0.5 * 10.0**-chart.digits:
        mantissa, exponent = f"{value:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return decimals(value, chart.digits)


def _over_seeds(values: Array) -> tuple[Array, Array]:
    """Mean and standard deviation over seeds, NaN where there is no (or for the deviation only one) value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an empty cell is no fault
        mean: Array = np.nanmean(values, axis=2)
        return mean, np.nanstd(values, axis=2, ddof=1)
