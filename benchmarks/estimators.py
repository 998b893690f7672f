"""Bias and variance of the minibatch estimators of mutual information and total correlation, against the truth.

    python benchmarks/estimators.py --out benchmarks/results/<machine>     # estimators.json and estimators.png
    python benchmarks/estimators.py --repeats 20 --sizes 64 1024

Posteriors N(mu_n, s^2 I) with mu_n ~ N(0, I), N = 20 000 in D = 10 latents. The truth is the aggregate posterior's
value for these N; each estimate is the mean of pyvae.kl_decomposition over one minibatch drawn without replacement.
"mws" carries a known offset, (D - 1) log N in the total correlation and log N in the mutual information: the file holds
its values as they are, the figure without.
"""

import argparse
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from rich.console import Console
from rich.progress import track
from torch import Tensor

import pyvae
from pyvae.aggregate import Estimate
from pyvae.files import atomic_write_text
from pyvae.plotting.style import INK, new_figure, save_png, tidy

N, D = 20_000, 10
SPREADS = (0.1, 0.3, 0.5)
SIZES = (64, 128, 256, 512, 1024, 2048, 4096)
QUANTITIES = ("total_correlation", "mutual_information")
OFFSETS = {"total_correlation": (D - 1) * math.log(N), "mutual_information": math.log(N)}
# Okabe and Ito's colours, told apart by markers too: "mss" and "balanced" mostly lie on each other.
LOOKS = {"mws": ("#D55E00", "s", 4), "mss": ("#56B4E9", "o", 8), "balanced": ("#009E73", "^", 4)}

Row = dict[str, Any]


def data_set(spread: float) -> tuple[Tensor, Tensor]:
    mu = torch.randn(N, D, generator=torch.Generator().manual_seed(0))
    return mu, torch.full_like(mu, 2 * math.log(spread))


def minibatches(mu: Tensor, logvar: Tensor, size: int, repeats: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows [M] without replacement and their samples z [M, D]; a size has its own stream: each call sees the same."""
    generator = torch.Generator().manual_seed(size)
    for _ in range(repeats):
        rows = torch.randperm(len(mu), generator=generator)[:size]
        yield rows, pyvae.reparameterize(mu[rows], logvar[rows], generator=generator)


def minibatch_estimates(mu: Tensor, logvar: Tensor, size: int, estimator: str, repeats: int) -> Tensor:
    """One estimate for each minibatch and quantity, [repeats, 2] float64; every estimator sees the same minibatches."""
    estimates = []
    for rows, z in minibatches(mu, logvar, size, repeats):
        parts = pyvae.kl_decomposition(z, mu[rows], logvar[rows], dataset_size=N, estimator=estimator)  # type: ignore[arg-type]
        estimates.append(torch.stack([getattr(parts, name).double().mean() for name in QUANTITIES]))
    return torch.stack(estimates)


def variance_of(estimates: Tensor) -> Estimate:
    """The variance over R minibatches and its standard error, sqrt((m_4 - s^4 (R - 3) / (R - 1)) / R)."""
    count, variance = len(estimates), estimates.var(0)
    fourth = (estimates - estimates.mean(0)).pow(4).mean(0)
    error = ((fourth - variance**2 * (count - 3) / (count - 1)) / count).clamp_min(0).sqrt()
    return Estimate(variance, error)


def rows_of(spread: float, sizes: list[int], samples: int, repeats: int) -> Iterator[Row]:
    """Bias and variance, each with its standard error, for every quantity, estimator and minibatch size."""
    mu, logvar = data_set(spread)
    truth = pyvae.aggregate_posterior(mu, logvar).kl_decomposition(samples, seed=1)
    for size in sizes:
        for estimator in LOOKS:
            estimates = minibatch_estimates(mu, logvar, size, estimator, repeats)
            variance = variance_of(estimates)
            for k, quantity in enumerate(QUANTITIES):
                exact: Estimate = getattr(truth, quantity)
                error = math.sqrt(float(variance.value[k]) / repeats + float(exact.standard_error) ** 2)
                yield {
                    "quantity": quantity,
                    "s": spread,
                    "M": size,
                    "estimator": estimator,
                    "truth": float(exact.value),
                    "truth_error": float(exact.standard_error),
                    "bias": float(estimates[:, k].mean() - exact.value),
                    "bias_error": error,
                    "variance": float(variance.value[k]),
                    "variance_error": float(variance.standard_error[k]),
                }


def draw(rows: list[Row], path: Path) -> None:
    """Bias and standard deviation against M, a column for each s; bars are two standard errors."""
    spreads = sorted({row["s"] for row in rows})
    kinds = [(quantity, curve) for quantity in QUANTITIES for curve in (_bias, _deviation)]
    figure = new_figure(3.3 * len(spreads) + 0.4, 2.7 * len(kinds) + 0.4)
    panels = figure.subplots(len(kinds), len(spreads), sharex=True, squeeze=False)
    for line, (quantity, curve) in zip(panels, kinds, strict=True):
        for axes, spread in zip(line, spreads, strict=True):
            chosen = [row for row in rows if row["quantity"] == quantity and row["s"] == spread]
            for estimator in LOOKS:
                _plot(axes, [row for row in chosen if row["estimator"] == estimator], curve, estimator)
            axes.set_xscale("log", base=2)
            title = f"s = {spread}, truth {chosen[0]['truth']:.2f} nats" if curve is _bias else ""
            label = f"{curve.__doc__} of\n{quantity.replace('_', ' ')}" if spread == spreads[0] else ""
            tidy(axes, title, "minibatch size M" if (quantity, curve) == kinds[-1] else "", label)
            if curve is _bias:
                axes.axhline(0, color=INK, linewidth=0.8)
            else:
                axes.set_ylim(bottom=0)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=10, ncols=len(LOOKS), loc="outside upper center")
    save_png(figure, path)


def _bias(row: Row) -> tuple[float, float]:
    """bias"""
    offset = OFFSETS[row["quantity"]] if row["estimator"] == "mws" else 0.0
    return row["bias"] - offset, row["bias_error"]


def _deviation(row: Row) -> tuple[float, float]:
    """standard deviation"""
    deviation = math.sqrt(row["variance"])
    return deviation, row["variance_error"] / (2 * deviation)


def _plot(axes: Axes, rows: list[Row], curve: Callable[[Row], tuple[float, float]], estimator: str) -> None:
    colour, marker, size = LOOKS[estimator]
    values, errors = zip(*map(curve, rows), strict=True)
    label = "mws, without its offset" if estimator == "mws" else estimator
    bars = [2 * error for error in errors]
    sizes = [row["M"] for row in rows]
    axes.errorbar(sizes, values, bars, color=colour, marker=marker, markersize=size, linewidth=1.4, label=label)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=200, help="minibatches of each size")
    parser.add_argument("--samples", type=int, default=100_000, help="samples of the aggregate posterior")
    parser.add_argument("--out", type=Path, help="folder for estimators.json and estimators.png")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for spread in track(SPREADS, console=Console(stderr=True)):
        rows += rows_of(spread, arguments.sizes, arguments.samples, arguments.repeats)
    for row in rows:
        print(
            "{quantity:18s} s {s}  M {M:4d}  {estimator:8s}  truth {truth:7.3f} ± {truth_error:.3f}  "
            "bias {bias:8.3f} ± {bias_error:.3f}  variance {variance:.2e} ± {variance_error:.1e}".format(**row)
        )
    if arguments.out is not None:
        settings = {"N": N, "D": D, "repeats": arguments.repeats, "samples": arguments.samples}
        report = {"torch": torch.__version__, "pyvae": pyvae.__version__, **settings, "rows": rows}
        atomic_write_text(arguments.out / "estimators.json", json.dumps(report, indent=2) + "\n")
        draw(json.loads((arguments.out / "estimators.json").read_text())["rows"], arguments.out / "estimators.png")


if __name__ == "__main__":
    main()
