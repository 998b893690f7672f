"""One dot a model: scores by objective, strengths, protocols, rotations."""

import math

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyvae.plotting.style import FAINT, INK, new_figure, shades, tidy
from pyvae.report.statistics import Array
from pyvae.studies.agreement.figures.untold import untold
from pyvae.studies.agreement.findings.protocol import UNTOLD, readings
from pyvae.studies.agreement.findings.rotation import UNTOLD as UNROTATED
from pyvae.studies.agreement.findings.rotation import label_of, turned
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import CONTENT, LABELS, OBJECTIVES, USE

ACROSS, PANEL = 4, (3.1, 2.5)
"""Panels of a row, and the inches of each."""
SPREAD = 0.32
"""How far dots of one objective lie apart, by strength."""


def by_objective(results: Results) -> Figure:
    """A panel for each score: objectives side by side, strengths from left to right within each."""
    names = (*results.disentanglement, *CONTENT, *USE, "udr")
    panels = _panels(len(names))
    x, place = _places(results)
    for axes, name in zip(panels, names, strict=False):
        _dots(axes, x, results.column(name), place, results)
        tidy(axes, LABELS[name])
        _name_objectives(axes, results)
    for axes in panels[: max(0, len(names) - ACROSS)]:
        axes.set_xticklabels([])  # the lowest of each column has them
    return panels[0].get_figure()  # type: ignore[return-value]


def strengths(results: Results) -> Figure:
    """What a strength does to the information in a code and to its active latents."""
    figure = new_figure(11.4, 3.8)
    x, place = _places(results)
    panels = (
        ("aggregate_information", "Information in the code, I(x; z)", "nats"),
        ("active_latents", "Active latents", ""),
    )
    for axes, (name, title, unit) in zip(figure.subplots(1, 2), panels, strict=True):
        _dots(axes, x, results.column(name), place, results)
        tidy(axes, title, ylabel=unit)
        _name_objectives(axes, results)
    return figure


def protocol(results: Results) -> Figure:
    """A panel for each second protocol."""
    found = readings(results)
    panels = _panels(max(1, len(found)), across=3)
    colours = [colormaps["tab10"](i) for i in range(len(results.groups))]
    for axes, one in zip(panels, found, strict=False):
        first, second = results.column(one.score), results.column(one.other)
        for i, group in enumerate(results.groups):
            rows = results.objective == i
            axes.plot(
                first[rows], second[rows], "o", color=colours[i], markersize=3.5, alpha=0.8, label=OBJECTIVES[group]
            )
        tidy(axes, LABELS[one.score], "the paper's", one.words)
    figure = panels[0].get_figure()
    if not found:
        untold(panels[0], UNTOLD)
    elif figure is not None:
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False, fontsize=8
        )
    return figure  # type: ignore[return-value]


def rotation(results: Results) -> Figure:
    """A line from each model's score to the same score of its rotated code."""
    found = turned(results)
    figure = new_figure(5.9, 4.3)
    axes = figure.add_subplot()
    if not found:
        untold(axes, UNROTATED)
        return figure
    labels = []
    for place, (name, one) in enumerate(found.items()):
        across = np.array([place - 0.25, place + 0.25])
        axes.plot(across, np.stack([one.before, one.after]), color=FAINT, linewidth=0.6, alpha=0.6)
        axes.plot(
            across, [np.median(one.before), np.median(one.after)], color=INK, linewidth=2.2, marker="o", markersize=4
        )
        labels.append(label_of(name))
    tidy(axes, "Before and after a rotation of the code", ylabel="score")
    axes.set_xticks(range(len(labels)), labels, rotation=30, ha="right")
    return figure


def _name_objectives(axes: Axes, results: Results) -> None:
    axes.set_xticks(
        range(len(results.groups)), [OBJECTIVES[group] for group in results.groups], rotation=50, ha="right"
    )


def _panels(count: int, across: int = ACROSS) -> list[Axes]:
    rows = math.ceil(count / across)
    figure = new_figure(across * PANEL[0] if count > 1 else PANEL[0], rows * PANEL[1] + 0.8)
    panels = list(np.ravel(figure.subplots(rows, min(across, count), squeeze=False)))
    for empty in panels[count:]:
        empty.set_axis_off()
    return panels


def _places(results: Results) -> tuple[Array, Array]:
    """Where each model stands, and its strength's place among those of its objective, from 0 to 1."""
    strength, place = results.column("strength"), np.zeros(len(results.table))
    for i in range(len(results.groups)):
        rows = results.objective == i
        of, number = np.unique(strength[rows], return_inverse=True)
        place[rows] = number / (len(of) - 1) if len(of) > 1 else 0.5
    return results.objective + SPREAD * (2 * place - 1), place


def _dots(axes: Axes, x: Array, y: Array, place: Array, results: Results) -> None:
    palette = shades(64)
    colours = np.array([palette[int(63 * p)] for p in place])
    solid = results.finite & ~results.collapsed
    axes.scatter(x[solid], y[solid], s=11, c=colours[solid])
    axes.scatter(x[~solid], y[~solid], s=13, facecolors="none", edgecolors=FAINT, linewidths=0.9)
