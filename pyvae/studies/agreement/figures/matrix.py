"""Spearman's correlation of every two scores, with its interval in each cell."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyvae.plotting.numbers import decimals
from pyvae.plotting.style import INK, new_figure, tidy
from pyvae.studies.agreement.figures.untold import untold
from pyvae.studies.agreement.findings.correlation import Correlations, correlations
from pyvae.studies.agreement.findings.words import few, too_few
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import CONTENT, LABELS, USE

CELL, BESIDE = 0.56, 2.3
"""Inches: of a cell, and of the names beside."""
COLOURS = colormaps["RdBu_r"]  # white where nothing is related, safe for colour-blind eyes


def agreement(results: Results) -> Figure:
    """Scores of disentanglement first, then those of content and of use."""
    names = (*results.disentanglement, *results.known((*CONTENT, *USE)))
    rows = results.ranked(names)
    count = len(names)
    figure = new_figure(BESIDE + CELL * count, BESIDE - 0.4 + CELL * count)
    axes = figure.add_subplot()
    if few(results, rows):
        untold(axes, too_few(results, rows))
        return figure
    _fill(axes, correlations(names, results.columns(names)[rows], results.cell[rows]), len(results.disentanglement))
    return figure


def _fill(axes: Axes, found: Correlations, first: int) -> None:
    count = len(found.names)
    axes.imshow(found.value, cmap=COLOURS, vmin=-1, vmax=1)
    for i, j in np.ndindex(found.value.shape):
        if i != j:
            _print(axes, found, i, j)
    labels = [LABELS[name] for name in found.names]
    tidy(axes, f"Rank correlation over {found.models} models")
    axes.grid(False)
    axes.set_xticks(range(count), labels, rotation=50, ha="right")
    axes.set_yticks(range(count), labels)
    for edge in (axes.axhline, axes.axvline):
        edge(first - 0.5, color=INK, linewidth=1.2)
    axes.spines[:].set_visible(False)


def _print(axes: Axes, found: Correlations, i: int, j: int) -> None:
    one = found.of(found.names[i], found.names[j])
    if np.isnan(one.value):
        axes.text(j, i, "-", ha="center", va="center", fontsize=8, color=INK)
        return
    colour = "white" if abs(one.value) > 0.65 else INK
    axes.text(j, i - 0.12, decimals(one.value, 2), ha="center", va="center", fontsize=8, color=colour)
    interval = f"{_short(one.low)}…{_short(one.high)}"
    axes.text(j, i + 0.24, interval, ha="center", va="center", fontsize=5, color=colour)


def _short(value: float) -> str:
    """Two decimals without the zero before the point."""
    return decimals(value, 2).replace("0.", ".", 1)
