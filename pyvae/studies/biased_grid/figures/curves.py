"""The curves of the grid study: training, projection, robustness."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from pyvae.plotting.style import FAINT, INK, new_figure, shades, tidy
from pyvae.report.statistics import t_interval
from pyvae.studies.biased_grid.results import Saved, reference_beta


def curves_by_mu(saved: Saved) -> Figure:
    """Training curves for every mu at the reference beta."""
    beta = reference_beta(saved.results.betas)
    return _training_curves(saved, "mu", f"β = {beta:g}", beta=beta)


def curves_by_beta(saved: Saved) -> Figure:
    """Training curves for every beta at the least biased mu."""
    mu = float(min(saved.results.mus, key=abs))
    return _training_curves(saved, "beta", f"μ = {mu:g}", mu=mu)


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
            label=f"μ = {mu:g}, β = {beta:g}",
        )
    baseline = _running_mean(saved.pictures["baseline_projection_curve"].mean(0))
    axes.plot(baseline, color=FAINT, linewidth=2.2, label="untrained")
    _logarithmic(axes, "y")
    tidy(
        axes,
        "The projection while it learns (truth → means)",
        "gradient step",
        "mean squared error (prior variances)",
    )
    _legend_right(axes)
    return figure


def robustness(saved: Saved) -> Figure:
    """Recovered information over the ceiling against mu, one line per beta, and its difference from the
    reference.
    """
    results = saved.results
    fraction, reference = results.fraction_recovered(), reference_beta(results.betas)
    base = fraction[:, list(results.betas).index(reference)]
    figure = new_figure(11.5, 4.6)
    left, right = figure.subplots(1, 2)
    reach = 0.05
    for j, (beta, colour) in enumerate(zip(results.betas, shades(len(results.betas)), strict=True)):
        _with_interval(left, results.mus, fraction[:, j], colour, f"β = {beta:g}")
        left.plot(results.mus, results.linear_theory_fraction(float(beta)), color=colour, linestyle=":", linewidth=1.3)
        if beta != reference:
            means = _with_interval(right, results.mus, fraction[:, j] - base, colour, f"β = {beta:g}")
            reach = max(reach, 1.3 * float(np.nanmax(np.abs(means), initial=0.0)))
    left.plot([], [], color=INK, linestyle=":", linewidth=1.3, label="best linear VAE")
    left.set_ylim(0, 1)
    right.set_ylim(-reach, reach)
    right.axhline(0, color=INK, linewidth=0.8)
    tidy(left, "Share of the ceiling that is recovered", "μ (bias of the training data)", "recovered / ceiling")
    tidy(right, f"Difference from β = {reference:g}", "μ (bias of the training data)", "difference in share")
    left.legend(frameon=False, fontsize=8.5, loc="upper right", ncols=2)
    return figure


def _training_curves(saved: Saved, by: str, fixed: str, **at: float) -> Figure:
    """Objective and KL against the step, a line for each value of `by` (mean over seeds) where `at` holds."""
    frame = {name: saved.curves[name].to_numpy(zero_copy_only=False) for name in saved.curves.column_names}
    keep = (frame["split"] == "train") & (frame["step"] > 0)
    for name, value in at.items():
        keep &= frame[name] == value
    figure = new_figure(11.5, 4.2)
    panels = figure.subplots(1, 2)
    symbol = {"mu": "μ", "beta": "β"}[by]
    values = np.unique(frame[by])
    for value, colour in zip(values, shades(len(values)), strict=True):
        rows = keep & (frame[by] == value)
        for axes, quantity in zip(panels, ("loss", "kl"), strict=True):
            steps, mean = _mean_by_step(frame["step"][rows], frame[quantity][rows])
            axes.plot(steps, mean, color=colour, linewidth=1.4, label=f"{symbol} = {value:g}")
    for axes in panels:
        _logarithmic(axes, "x")
        axes.xaxis.set_minor_formatter(NullFormatter())
    floor = saved.results.config.grid.size / 2
    panels[0].axhline(floor, color=FAINT, linestyle=":", linewidth=1.4, label="pixel noise alone")
    tidy(panels[0], f"Training objective at {fixed}", "step", "reconstruction + β · KL (nats per image)")
    tidy(panels[1], f"KL from the prior at {fixed}", "step", "KL (nats per image)")
    _legend_right(panels[1])
    return figure


def _logarithmic(axes: Axes, axis: str) -> None:
    """A logarithmic axis, where a curve has a point to show on it: diverged models have none."""
    points = np.concatenate([np.asarray(line.get_xydata(), dtype=np.float64) for line in axes.lines])
    shown = points[np.isfinite(points).all(axis=1)]
    if (shown[:, "xy".index(axis)] > 0).any():
        axes.set(**{f"{axis}scale": "log"})


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
    axes: Axes, x: NDArray[np.float64], values: NDArray[np.float64], colour: tuple[float, ...], label: str
) -> NDArray[np.float64]:
    """A line through the means over seeds of values [N, S], a band for the t interval if there is one; the
    means [N].
    """
    intervals = [t_interval(row) for row in values]
    mean = np.array([interval.mean for interval in intervals])
    half = np.array([interval.half for interval in intervals])
    axes.plot(x, mean, color=colour, linewidth=1.8, marker="o", markersize=3.5, label=label)
    axes.fill_between(x, mean - half, mean + half, color=colour, alpha=0.18, linewidth=0)
    return mean


def _legend_right(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.01, 0.5))
