"""Correlations and shares with their intervals: one line a score."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyvae.plotting.style import FAINT, INK, new_figure, shades, tidy
from pyvae.studies.agreement.figures.untold import untold
from pyvae.studies.agreement.findings.correlation import Correlation
from pyvae.studies.agreement.findings.unsupervised import why_not, with_mean_rank
from pyvae.studies.agreement.findings.use import PLAIN, predictions
from pyvae.studies.agreement.findings.use import why_not as why_not_of_use
from pyvae.studies.agreement.findings.variance import PARTS, UNTOLD, all_shares
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import LABELS, UNSUPERVISED, USE

LINE = 0.3
"""Inches of a row."""
ACCENT = "#2b6a8c"


def use(results: Results) -> Figure:
    """Scores against downstream accuracy and statistical efficiency, overall and among models of one cell."""
    found = {name: predictions(results, name) for name in USE}
    figure = new_figure(10.5, 1.2 + LINE * (len(results.disentanglement) + 1))
    panels = np.atleast_1d(figure.subplots(1, len(USE), sharey=None not in found.values()))
    for axes, (name, one) in zip(panels, found.items(), strict=True):
        tidy(axes, LABELS[name], "rank correlation")
        if one is None:
            untold(axes, why_not_of_use(results, name))
            continue
        rows = {**one.overall, **({PLAIN: one.plain} if one.plain is not None else {})}
        _lines(axes, list(rows.values()), [LABELS[score] for score in rows], 0.0, ACCENT, filled=True)
        if one.within:
            _lines(axes, [one.within.get(score) for score in rows], None, 0.3, FAINT, filled=False)
        axes.set_xlim(-1, 1)
    return figure


def unsupervised(results: Results) -> Figure:
    """Numbers without factors against the mean rank by all scores."""
    found = with_mean_rank(results)
    figure = new_figure(5.9, 1.2 + LINE * max(6, len(found)))
    axes = figure.add_subplot()
    if not found:
        untold(axes, why_not(results))
        return figure
    labels = [f"{LABELS[name]} ({'more' if UNSUPERVISED[name][1] > 0 else 'less'})" for name in found]
    _lines(axes, list(found.values()), labels, 0.0, ACCENT, filled=True)
    tidy(axes, "Without factors, against the mean rank", "rank correlation")
    axes.set_xlim(-1, 1)
    return figure


def variance(results: Results) -> Figure:
    """Stacked bars: objective, strength, seed."""
    found = all_shares(results)
    figure = new_figure(5.9, 1.5 + LINE * max(6, len(found)))
    axes = figure.add_subplot()
    if not found:
        untold(axes, UNTOLD)
        return figure
    left = np.zeros(len(found))
    for part, colour in zip(PARTS, shades(3), strict=True):
        widths = np.array([max(0.0, getattr(one, part).mean) for one in found.values()])
        axes.barh(range(len(found)), widths, left=left, color=colour, label=part, height=0.7)
        left += widths
    tidy(axes, "Shares of variance", "share")
    axes.set_yticks(range(len(found)), [LABELS[name] for name in found])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _lines(
    axes: Axes,
    found: Sequence[Correlation | None],
    labels: list[str] | None,
    shift: float,
    colour: str,
    *,
    filled: bool,
) -> None:
    for row, one in enumerate(found):
        if one is not None and not np.isnan(one.value):
            axes.plot([one.low, one.high], [row + shift] * 2, color=colour, linewidth=1.6)
            face = colour if filled else "white"
            axes.plot(one.value, row + shift, "o", color=colour, markerfacecolor=face, markersize=4.5)
    if labels is not None:
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_yticks(range(len(labels)), labels)
        if not axes.yaxis_inverted():
            axes.invert_yaxis()
