"""Every figure of the schedules study, drawn from the files of a finished study only: `draw(folder)`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyvae.plotting.style import FAINT, INK, logarithmic, new_figure, save_png, shades, tidy
from pyvae.studies.schedules.results import Arm, Results, load_results
from pyvae.studies.schedules.runs import CONSTANT, RUNS
from pyvae.studies.schedules.texts import LEAST_KL

PANEL = (5.9, 4.3)
"""Inches of a figure of one panel: two stand side by side on a page."""
SHARE = "share of the run"


def draw(folder: Path | str) -> list[Path]:
    """Draws every figure into folder/figures and returns their paths. Raises FileNotFoundError for a missing file."""
    folder, results = Path(folder), load_results(folder)
    paths = []
    for name, figure in FIGURES.items():
        path = folder / "figures" / f"{name}.png"
        save_png(figure(results), path)
        paths.append(path)
    return paths


def kl_constant(results: Results) -> Figure:
    """KL against the step at constant βs."""
    return _curves(results, results.constant, "kl")


def kl_scheduled(results: Results) -> Figure:
    """KL against the step along the schedules."""
    return _curves(results, results.scheduled, "kl")


def std_constant(results: Results) -> Figure:
    """Mean posterior deviation against the step at constant βs."""
    return _curves(results, results.constant, "posterior_std")


def std_scheduled(results: Results) -> Figure:
    """Mean posterior deviation against the step along the schedules."""
    return _curves(results, results.scheduled, "posterior_std")


def schedules(results: Results) -> Figure:
    """β against the step, and where linear theory has the first latent collapse."""
    figure = new_figure(*PANEL)
    axes = figure.add_subplot()
    for arm, colour in _coloured(results.scheduled):
        steps = np.linspace(0, RUNS[arm.group].steps(results.config.training.steps) - 1, 400)
        betas = results.betas_at(arm, steps.astype(np.int64))
        axes.plot(steps / steps[-1], betas, color=colour, linewidth=1.8, label=arm.name)
    _theory_line(axes, results, "h")
    logarithmic(axes, "y")
    tidy(axes, "The schedules", SHARE, "β")
    axes.legend(frameon=False, fontsize=8.5, loc="best")
    return figure


def kl_against_beta(results: Results) -> Figure:
    """KL against β as it falls or rises, and what constant βs end with."""
    figure = new_figure(*PANEL)
    axes = figure.add_subplot()
    for arm, colour in _coloured(results.scheduled):
        records = results.records(arm, "kl")
        for row in records.values:
            axes.plot(records.last, row, ".-", color=colour, linewidth=1.1, markersize=2.5, alpha=0.8)
        axes.plot([], [], color=colour, label=arm.name)
    constant = [arm for arm in results.constant if arm.beta > 0]
    ends = [np.maximum(results.values(arm, "kl_nats"), LEAST_KL) for arm in constant]
    axes.plot([arm.beta for arm in constant], ends, "o", color=INK, markersize=4, clip_on=False)
    axes.plot([], [], "o", color=INK, markersize=4, label="constant β, at the end")
    logarithmic(axes, "x")
    _from_least_kl(axes)
    _theory_line(axes, results, "v")
    tidy(axes, "KL on the way, against β", "β", "KL (nats per image)")
    axes.legend(frameon=False, fontsize=8.5, loc="best")
    return figure


def latents(results: Results) -> Figure:
    """KL of every latent at the end, that of the largest first."""
    figure = new_figure(*PANEL)
    axes = figure.add_subplot()
    rows = results.latents.to_pylist()
    for arm, colour in _coloured(results.arms):
        own = [
            [row["kl_nats"] for row in rows if (row["group"], row["beta"], row["seed"]) == (arm.group, arm.beta, seed)]
            for seed in results.seeds
        ]
        kl = [one for one in own if one]  # a model that has diverged has no latents
        mean = np.mean(kl, axis=0) if kl else np.empty(0)
        style = "-" if arm.group == CONSTANT else "--"
        axes.plot(np.arange(1, len(mean) + 1), mean, style, color=colour, linewidth=1.5, label=arm.name)
    _from_least_kl(axes)
    tidy(axes, "What each latent holds at the end", "latent, by its KL", "KL (nats)")
    axes.legend(frameon=False, fontsize=8.5, loc="best", ncols=2)
    return figure


FIGURES: dict[str, Callable[[Results], Figure]] = {
    figure.__name__: figure
    for figure in (
        kl_scheduled,
        kl_against_beta,
        std_scheduled,
        schedules,
        kl_constant,
        std_constant,
        latents,
    )
}

_QUANTITIES = {
    "kl": ("KL from the prior", "KL (nats per image)"),
    "posterior_std": ("Mean posterior standard deviation", "standard deviation"),
}


def _curves(results: Results, arms: list[Arm], quantity: str) -> Figure:
    """A quantity against the share of the run, a line for each seed; what the source's plots end with, at the right."""
    figure = new_figure(*PANEL)
    axes = figure.add_subplot()
    for arm, colour in _coloured(arms):
        steps, values = results.curve(arm, quantity)
        for row in values:
            axes.plot(steps / max(steps, default=1), row, color=colour, linewidth=1.1, alpha=0.8)
        axes.plot([], [], color=colour, label=arm.name)
        if arm.read is not None:
            end = max(arm.read.kl, LEAST_KL) if quantity == "kl" else arm.read.std
            axes.plot([1.03], [end], "<", color=colour, markersize=6, clip_on=False)
    if any(arm.read is not None for arm in arms):
        axes.plot([], [], "<", color=FAINT, label="read off the source's plots")
    axes.set_xlim(0, 1.05)
    if quantity == "kl":
        _from_least_kl(axes)
    else:
        axes.set_ylim(0, 1.05)
    title, unit = _QUANTITIES[quantity]
    tidy(axes, title, SHARE, unit)
    axes.legend(frameon=False, fontsize=8.5, loc="best")
    return figure


def _from_least_kl(axes: Axes) -> None:
    """A logarithmic axis of KL from LEAST_KL on: lines leave the frame below, and are not drawn along its edge."""
    logarithmic(axes, "y")
    axes.set_ylim(LEAST_KL, max(axes.get_ylim()[1], 10 * LEAST_KL))


def _coloured(arms: list[Arm]) -> list[tuple[Arm, tuple[float, float, float, float]]]:
    return list(zip(arms, shades(len(arms)), strict=True))


def _theory_line(axes: Axes, results: Results, way: str) -> None:
    line = axes.axhline if way == "h" else axes.axvline
    line(float(results.collapse_betas[0]), color=FAINT, linestyle=":", linewidth=1.4, label="2λ_1, linear theory")
