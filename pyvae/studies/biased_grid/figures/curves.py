"""The curves of the grid study: training, projection, robustness."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from pyvae.plotting.style import FAINT, INK, logarithmic, new_figure, shades, tidy
from pyvae.report.statistics import Interval, t_interval, welch_interval
from pyvae.studies.biased_grid.recipe import recipe
from pyvae.studies.biased_grid.results import Saved, followed

PANEL = (5.9, 4.3)
"""Inches of a figure of one panel: two stand side by side on a page."""
MU = "μ (bias of the training data)"


def curves_by_mu_loss(saved: Saved) -> Figure:
    """Training objective for every mu at the reference beta."""
    return _training_curves(saved, "mu", "loss")


def curves_by_mu_kl(saved: Saved) -> Figure:
    """KL for every mu at the reference beta, or what an objective without a KL has."""
    return _training_curves(saved, "mu", followed(saved.results.config))


def curves_by_beta_loss(saved: Saved) -> Figure:
    """Training objective for every beta at the least biased mu."""
    return _training_curves(saved, "beta", "loss")


def curves_by_beta_kl(saved: Saved) -> Figure:
    """KL for every beta at the least biased mu, or what an objective without a KL has."""
    return _training_curves(saved, "beta", followed(saved.results.config))


def projection_curve(saved: Saved) -> Figure:
    """Training curve of the source's SGD projection, truth to posterior means."""
    figure = new_figure(8.2, 4.2)
    axes = figure.add_subplot()
    cells = saved.pictures["cells"]
    colours = dict(zip(np.unique(cells[:, 1]), shades(len(np.unique(cells[:, 1]))), strict=True))
    styles = dict(zip(np.unique(cells[:, 0]), ("-", "--", ":"), strict=False))
    for (mu, beta, _), curve in zip(cells, saved.pictures["projection_curve"], strict=True):
        smooth = _running_mean(curve)
        axes.plot(
            smooth,
            color=colours[beta],
            linestyle=styles[mu],
            linewidth=1.6,
            label=f"μ = {mu:g}, {saved.results.config.symbol} = {beta:g}",
        )
    baseline = _running_mean(saved.pictures["baseline_projection_curve"].mean(0))
    axes.plot(baseline, color=FAINT, linewidth=2.2, label="untrained")
    logarithmic(axes, "y")
    tidy(
        axes,
        "The projection while it learns (truth → means)",
        "gradient step",
        "mean squared error (prior variances)",
    )
    _legend_right(axes)
    return figure


def robustness(saved: Saved) -> Figure:
    """Recovered information over the ceiling against mu, one line per beta, and what linear theory says."""
    results = saved.results
    share = results.fraction_recovered()
    figure = new_figure(*PANEL)
    axes = figure.add_subplot()
    for j, (beta, colour) in enumerate(zip(results.betas, shades(len(results.betas)), strict=True)):
        intervals = [t_interval(seeds) for seeds in share[:, j]]
        _with_interval(axes, results.mus, intervals, colour, f"{results.config.symbol} = {beta:g}")
        if results.draws_linear_theory:
            theory = results.linear_theory_fraction(float(beta))
            axes.plot(results.mus, theory, color=colour, linestyle=":", linewidth=1.3)
    if results.draws_linear_theory:
        axes.plot([], [], color=INK, linestyle=":", linewidth=1.3, label="best linear VAE")
    axes.set_ylim(0, 1)
    tidy(axes, "Share of the ceiling that is recovered", MU, "recovered / ceiling")
    axes.legend(frameon=False, fontsize=8.5, loc="upper right", ncols=2)
    return figure


def robustness_difference(saved: Saved) -> Figure:
    """The same less the reference beta's, whose models are independent."""
    results = saved.results
    share, reference = results.fraction_recovered(), results.reference
    base = share[:, list(results.betas).index(reference)]
    figure = new_figure(*PANEL)
    axes = figure.add_subplot()
    reach = 0.05
    for j, (beta, colour) in enumerate(zip(results.betas, shades(len(results.betas)), strict=True)):
        if beta != reference:
            intervals = [welch_interval(own, other) for own, other in zip(share[:, j], base, strict=True)]
            means = _with_interval(axes, results.mus, intervals, colour, f"{results.config.symbol} = {beta:g}")
            reach = max(reach, 1.3 * float(np.nanmax(np.abs(means), initial=0.0)))
    axes.set_ylim(-reach, reach)
    axes.axhline(0, color=INK, linewidth=0.8, label=f"{results.config.symbol} = {reference:g}")
    tidy(axes, f"Difference from {results.config.symbol} = {reference:g}", MU, "difference in share")
    axes.legend(frameon=False, fontsize=8.5, loc="best", ncols=2)
    return figure


QUANTITIES = {
    "loss": ("Training objective", "objective (nats per image)"),
    "kl": ("KL from the prior", "KL (nats per image)"),
}


def _training_curves(saved: Saved, by: str, quantity: str) -> Figure:
    """A quantity against the step, a line for each value of `by` (mean over seeds) at the least biased mu or the
    reference beta.
    """
    strength = saved.results.config.strength
    if by == "mu":
        column, symbol, other, at = "mu", "μ", strength, saved.results.reference
        fixed = f"{saved.results.config.symbol} = {at:g}"
    else:
        column, symbol, other, at = strength, saved.results.config.symbol, "mu", float(min(saved.results.mus, key=abs))
        fixed = f"μ = {at:g}"
    frame = {name: saved.curves[name].to_numpy(zero_copy_only=False) for name in saved.curves.column_names}
    keep = (frame["split"] == "train") & (frame["step"] > 0) & (frame[other] == at)
    figure = new_figure(*PANEL)
    axes = figure.add_subplot()
    values = np.unique(frame[column])
    for value, colour in zip(values, shades(len(values)), strict=True):
        rows = keep & (frame[column] == value)
        steps, mean = _mean_by_step(frame["step"][rows], frame[quantity][rows])
        axes.plot(steps, mean, color=colour, linewidth=1.4, label=f"{symbol} = {value:g}")
    logarithmic(axes, "x")
    axes.xaxis.set_minor_formatter(NullFormatter())
    if quantity == "loss":
        floor = saved.results.config.grid.size / 2
        axes.axhline(floor, color=FAINT, linestyle=":", linewidth=1.4, label="pixel noise alone")
    trained = recipe(saved.results.config)
    ramp = trained.settled_after if trained.of_strength_one.shares.settles else 0
    if 0 < ramp < saved.results.config.training.steps:
        axes.axvline(
            ramp, color=FAINT, linestyle="--", linewidth=1, label=f"{saved.results.config.symbol} has its full value"
        )
    name = quantity.replace("_", " ")
    title, unit = QUANTITIES.get(quantity, (name.capitalize(), name))
    tidy(axes, f"{title} at {fixed}", "step", unit)
    axes.legend(frameon=False, fontsize=8.5, loc="best", ncols=2 if len(values) > 4 else 1)
    return figure


def _mean_by_step(
    steps: NDArray[np.generic], values: NDArray[np.generic]
) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    unique, inverse = np.unique(steps, return_inverse=True)
    return unique, np.bincount(inverse, weights=values) / np.bincount(inverse)


def _running_mean(curve: NDArray[np.generic], width: int = 9) -> NDArray[np.float64]:
    """Mean over the last `width` batches: a batch of 64 is noisy."""
    sums = np.cumsum(np.insert(np.asarray(curve, dtype=np.float64), 0, 0.0))
    stop = np.arange(1, len(sums))
    start = np.maximum(stop - width, 0)
    return np.asarray((sums[stop] - sums[start]) / (stop - start))


def _with_interval(
    axes: Axes, x: NDArray[np.float64], intervals: Sequence[Interval], colour: tuple[float, ...], label: str
) -> NDArray[np.float64]:
    """A line through the means [N], which are returned, and a band for the intervals that there are."""
    mean = np.array([interval.mean for interval in intervals])
    half = np.array([interval.half for interval in intervals])
    axes.plot(x, mean, color=colour, linewidth=1.8, marker="o", markersize=3.5, label=label)
    axes.fill_between(x, mean - half, mean + half, color=colour, alpha=0.18, linewidth=0)
    return mean


def _legend_right(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.01, 0.5))
