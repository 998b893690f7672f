"""Every figure of the study, drawn from the files of a finished study only."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import safetensors.numpy
from matplotlib.figure import Figure

from pyvae.plotting.heat_map import Axis, Map, draw_map
from pyvae.plotting.images import show_rows
from pyvae.plotting.style import new_figure, save_png, shades, tidy
from pyvae.studies.biased_sprites.biases import label
from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES, Kind
from pyvae.studies.biased_sprites.findings.weights import Closed, closed
from pyvae.studies.biased_sprites.measures import RECOVERED, name_of
from pyvae.studies.biased_sprites.results import Results, load_results

HIGH = 1.0
"""The end of every scale of shares."""


def draw(folder: Path | str) -> list[Path]:
    """Draws every figure into folder/figures and returns their paths. Raises FileNotFoundError for a missing file."""
    folder = Path(folder)
    results, paths = load_results(folder), []
    for name, figure in figures_of(results, folder).items():
        path = folder / "figures" / f"{name}.png"
        save_png(figure(), path)
        paths.append(path)
    return paths


def figures_of(results: Results, folder: Path) -> dict[str, Callable[[], Figure]]:
    """By their names."""
    maps = {f"map_{o}_{kind.name}": partial(share_map, results, o, kind) for o in OBJECTIVE_NAMES for kind in KINDS}
    return {
        **maps,
        **{f"factors_{name}": partial(factor_map, results, name) for name in OBJECTIVE_NAMES},
        **{f"weights_{name}": partial(three_trainings, results, name) for name in OBJECTIVE_NAMES},
        "samples": partial(samples, results, folder),
    }


def share_map(results: Results, objective: str, kind: Kind) -> Figure:
    """The share over (bias, β)."""
    chart = Map(f"{objective}, {kind.noun}", "share of the ceiling", results.shares(objective, kind), 2, high=HIGH)
    return draw_map(chart, Axis(f"strength of the {kind.noun}", results.strengths(kind)), Axis("β", results.betas))


def factor_map(results: Results, objective: str) -> Figure:
    """Each factor's share at the reference β, without bias and with the strongest of each kind."""
    j = list(results.betas).index(results.reference)
    measures = [name_of(RECOVERED, factor=factor) for factor in results.factors]
    unbiased = np.stack([results.unbiased(objective, one)[j] for one in measures])
    biased = [np.stack([results.shares(objective, kind, one)[-1, j] for one in measures]) for kind in KINDS]
    labels = ["unbiased", *(label(kind, results.strengths(kind)[-1]) for kind in KINDS)]
    chart = Map(
        f"{objective}, β = {results.reference:g}", "share of the ceiling", np.stack([unbiased, *biased]), 2, high=HIGH
    )
    return draw_map(chart, Axis("training data", np.array(labels)), Axis("factor", np.array(results.factors)))


def three_trainings(results: Results, objective: str) -> Figure:
    """Shares by unbiased, biased and weighted training, for each bias and β."""
    rows = [one for one in closed(results) if one.objective == objective]
    figure = new_figure(5.9, 1.6 + 0.36 * len(rows))
    axes = figure.add_subplot()
    names = ("unbiased", "biased", "weighted")
    for name, colour, marker, shift in zip(names, shades(3), "os^", (-0.18, 0.0, 0.18), strict=True):
        intervals = [getattr(one, name) for one in rows]
        axes.errorbar(
            [interval.mean for interval in intervals],
            np.arange(len(rows)) + shift,
            xerr=[np.nan_to_num(interval.half) for interval in intervals],
            fmt=marker, color=colour, markersize=5, linewidth=1.2, label=name,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [_row(one) for one in rows])
    axes.invert_yaxis()
    tidy(axes, f"{objective}: what weights bring back", "share of the ceiling", "")
    axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def _row(one: Closed) -> str:
    return f"{label(one.kind, one.strength)}, β = {one.beta:g}"


def samples(results: Results, folder: Path) -> Figure:
    """Training images of each bias."""
    pictures = safetensors.numpy.load((folder / "pictures.safetensors").read_bytes())
    labels = ["unbiased", *(label(kind, s) for kind in KINDS for s in results.config.biases_of(kind))]
    shape = results.config.data.open().shape
    return show_rows(np.stack([pictures[name] for name in labels]), labels, "Training images", shape=shape)
