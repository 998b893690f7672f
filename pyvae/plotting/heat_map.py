"""Heat maps over (beta, mu): a number in every cell, its spread over seeds, and the predicted collapse
boundary.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps, patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyvae.plotting.style import INK, new_figure, tidy
from pyvae.studies.biased_grid.theory import collapse_boundary
from pyvae.studies.config import StudyConfig

Array = NDArray[np.float64]

SMALLEST_BETA = 1e-3  # where beta = 0 stands on the logarithmic scale between cells


@dataclass(frozen=True)
class Map:
    """What a heat map shows: values [mus, betas, seeds], its words, its colour range and its number
    format.
    """

    title: str
    unit: str
    values: Array
    digits: int = 3
    high: float | None = None
    at_least: NDArray[np.bool_] | None = None
    exponents: bool = False


def draw_map(chart: Map, mus: Array, betas: Array, config: StudyConfig) -> Figure:
    """One map; cells print the mean over seeds and, with several seeds, the standard deviation under it.

    The colour range starts at 0. `at_least` [mus, betas] marks cells whose value is a lower limit with a sign
    in front; `exponents` prints small numbers as 3e-6 rather than as 0.000. Empty cells stay white.
    """
    mean, spread = _over_seeds(chart.values)
    several = chart.values.shape[2] > 1
    figure = new_figure(1.9 + 0.95 * len(betas), 1.75 + (0.52 if several else 0.42) * len(mus))
    axes = figure.add_subplot()
    high = chart.high if chart.high is not None else max(float(np.nanmax(mean, initial=0.0)), 1e-12)
    image = axes.imshow(mean, origin="lower", aspect="auto", cmap="viridis", vmin=0.0, vmax=high)
    for i, j in np.ndindex(mean.shape):
        limit = bool(chart.at_least is not None and chart.at_least[i, j])
        _print_number(axes, (i, j), float(mean[i, j]), float(spread[i, j]), chart, high, limit)
    tidy(axes, chart.title, "β (weight of the KL term)", "μ (bias of the training data)")
    axes.grid(False)
    axes.set_xticks(range(len(betas)), [f"{beta:g}" for beta in betas])
    axes.set_yticks(range(len(mus)), [f"{mu:g}" for mu in mus])
    _draw_boundary(axes, mus, betas, config)
    bar = figure.colorbar(image, ax=axes, fraction=0.05, aspect=35, pad=0.02)
    bar.set_label(chart.unit, color=INK)
    bar.outline.set_visible(False)
    return figure


def boundary_line(mus: Array, betas: Array, config: StudyConfig, points: int = 200) -> tuple[Array, Array]:
    """The boundary beta*(mu) in cell coordinates (columns, rows): interpolated in log beta and in mu between
    cells.

    Beyond the outermost cells both scales continue with the spacing of the last two, so the line leaves the
    map where it should.
    """
    rows = np.linspace(-0.5, len(mus) - 0.5, points)
    mu = _continued(rows, np.arange(len(mus), dtype=np.float64), mus)
    beta = np.array([collapse_boundary(m, pixels=config.pixels**2, noise_variance=config.noise_variance) for m in mu])
    log_betas = np.log(np.maximum(betas, SMALLEST_BETA))
    columns = _continued(np.log(beta), log_betas, np.arange(len(betas), dtype=np.float64))
    return columns, rows


def _continued(x: Array, xs: Array, ys: Array) -> Array:
    """Linear interpolation through (xs, ys), continued with the slope of the outermost segments (of 1 for
    one point).
    """
    if len(xs) == 1:
        return np.asarray(ys[0] + (x - xs[0]))
    segment = np.clip(np.searchsorted(xs, x) - 1, 0, len(xs) - 2)
    gradient = (ys[segment + 1] - ys[segment]) / (xs[segment + 1] - xs[segment])
    return np.asarray(ys[segment] + gradient * (x - xs[segment]))


def _draw_boundary(axes: Axes, mus: Array, betas: Array, config: StudyConfig) -> None:
    columns, rows = boundary_line(mus, betas, config)
    (line,) = axes.plot(columns, rows, color="#e8413c", linewidth=2, label="predicted collapse to its right, β*(μ)")
    line.set_path_effects([patheffects.Stroke(linewidth=3.6, foreground="white"), patheffects.Normal()])
    axes.set_xlim(-0.5, len(betas) - 0.5)
    axes.set_ylim(-0.5, len(mus) - 0.5)
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
        "path_effects": [patheffects.withStroke(linewidth=2.5, foreground=shade)],  # keeps it legible on the boundary
        "zorder": 5,
    }
    known = not np.isnan(spread)
    text = ("≥ " if limit else "") + _format(mean, chart)
    axes.text(column, row + (0.16 if known else 0), text, fontsize=9, **style)
    if known:
        axes.text(column, row - 0.22, f"± {_format(spread, chart)}", fontsize=6.5, **style)


def _format(value: float, chart: Map) -> str:
    if chart.exponents and 0 < value < 0.5 * 10.0**-chart.digits:
        mantissa, exponent = f"{value:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{round(value, chart.digits) + 0.0:.{chart.digits}f}"  # + 0.0 takes the sign off a negative zero


def _over_seeds(values: Array) -> tuple[Array, Array]:
    """Mean and standard deviation over seeds, NaN where there is no (or for the deviation only one) value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an empty cell is no fault
        mean: Array = np.nanmean(values, axis=2)
        return mean, np.nanstd(values, axis=2, ddof=1)
