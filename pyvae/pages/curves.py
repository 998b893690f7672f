"""Training curves of models beside each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from pyvae.pages.run import Run
from pyvae.pages.sections import png_of
from pyvae.pages.sheet import Sheet
from pyvae.plotting.style import new_figure, shades, tidy
from pyvae.report.page import gallery, paragraph, picture

Curve = Mapping[str, list[Any]]

QUANTITIES = {
    "elbo": ("ELBO", "nats per image"),
    "reconstruction": ("Reconstruction term", "nats per image"),
    "kl": ("KL from the prior", "nats per image"),
}


def curves(runs: Sequence[Run], sheets: Sequence[Sheet]) -> str:
    """A figure for each quantity that a model has, a line for each model."""
    by_name = {run.name: run for run in runs}
    lines = {sheet.name: by_name[sheet.member.run].curves(sheet.member) for sheet in sheets}
    data = _data_in_words([sheet.member.biased for sheet in sheets])
    pictures = [
        picture(png_of(_figure(name, lines)), f"{QUANTITIES[name][0]} while training, on {data}.")
        for name in QUANTITIES
        if any(_has(curve, name) for curve in lines.values())
    ]
    return gallery(pictures) if pictures else paragraph("No model has a training curve.")


def _data_in_words(biased: Sequence[bool]) -> str:
    """What curves of models are on, by whether their training data are biased."""
    if not any(biased):
        return "training data, which are unbiased"
    if all(biased):
        return "the models' own biased data"
    return f"the models' own data, which are biased for {sum(biased)} of {len(biased)}"


def _has(curve: Curve, name: str) -> bool:
    return any(value is not None for value in curve.get(name, []))


def _figure(name: str, lines: Mapping[str, Curve]) -> Figure:
    figure = new_figure(4.3, 3.4 + 0.18 * len(lines))
    axes = figure.add_subplot()
    for (label, curve), colour in zip(lines.items(), shades(len(lines)), strict=True):
        if _has(curve, name):
            steps, values = (np.array(curve[key], dtype=np.float64) for key in ("step", name))
            axes.plot(steps[steps > 0], values[steps > 0], color=colour, linewidth=1.4, label=label)
    title, unit = QUANTITIES[name]
    tidy(axes, title, "step", unit)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    figure.legend(loc="outside lower left", frameon=False, fontsize=8)
    return figure
