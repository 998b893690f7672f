"""What a large minibatch buys a beta-TCVAE of sprites: the sweep behind docs/large-batch.md.

    python -m benchmarks.sweeps.large_batch            # two sweeps into runs/large-batch, an hour on two cores; goes on

First docs/large-batch/learning-rates.yaml, on a seed that is not reported, for the learning rate of every minibatch
size; then docs/large-batch/sweep.yaml, which this writes from its template with the rates that were chosen. Tables,
answers.json and a figure go to docs/large-batch. `--answers` only computes the answers anew, from the tables there.
"""

import argparse
import json
import math
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from matplotlib.figure import Figure
from rich.console import Console

from pyvae.files import atomic_write_text
from pyvae.plotting.style import new_figure, save_png, shades, tidy
from pyvae.report.statistics import Interval, t_interval, welch_interval
from pyvae.sweeps.engines.local import Local
from pyvae.sweeps.planning.config import SweepConfig
from pyvae.sweeps.run import run_sweep

FOLDER = Path(__file__).parents[2] / "docs/large-batch"
STEPS, IMAGES = 2_000, 2_048_000
"""Of equal steps and of equal samples."""
STRENGTHS, SEEDS = (1, 2, 4, 8), (0, 1, 2)
ESTIMATORS = ("mws", "mss", "balanced")
ONE_STRENGTH = 4
"""At which exact objectives are compared: those of several cannot be added up."""

Row = Mapping[str, Any]
Rates = dict[tuple[int, int], float]
"""The learning rate of a minibatch size and a number of steps."""


class Curve(NamedTuple):
    """The models of one batch size, number of steps, estimator and seed, over beta: each [betas], by reconstruction."""

    reconstruction: np.ndarray
    tc: np.ndarray
    mig: np.ndarray
    objective: np.ndarray
    strengths: np.ndarray

    def least_tc(self, reconstruction: float) -> float:
        """Of the models whose reconstruction error is at most this; NaN where there is none."""
        found = self.tc[self.reconstruction <= reconstruction]
        return float(found.min()) if len(found) else math.nan

    def at(self, measure: str, strength: float) -> float:
        """A measure of the model of a beta; NaN where there is none."""
        found = getattr(self, measure)[self.strengths == strength]
        return float(found[0]) if len(found) else math.nan


def exact_objective(row: Row) -> float:
    """What the model was to minimise, with the exact terms in place of the minibatch's; infinite if it diverged."""
    if row["status"] != "finished":
        return math.inf
    beta_tc = row["strengths"] * row["aggregate_total_correlation"]
    return float(row["reconstruction"] + row["aggregate_information"] + beta_tc + row["aggregate_dimwise_kl"])


def chosen(rows: Iterable[Row]) -> Rates:
    """The learning rates whose exact objective is least in the mean over estimators."""
    found: dict[tuple[int, int], dict[float, list[float]]] = {}
    for row in rows:
        of_rate = found.setdefault((row["batch_size"], row["steps"]), {})
        of_rate.setdefault(row["learning_rate"], []).append(exact_objective(row))
    return {at: min(of_rate, key=lambda rate: math.fsum(of_rate[rate])) for at, of_rate in found.items()}


def sweep_of(template: Mapping[str, Any], rates: Rates) -> dict[str, Any]:
    """The sweep that is reported, as its file has it."""
    sizes = [{"batch_size": m, "steps": steps, "learning_rate": rate} for (m, steps), rate in sorted(rates.items())]
    grid = {"estimator": list(ESTIMATORS), "strengths": list(STRENGTHS), "seeds": list(SEEDS)}
    return {**template, "axes": [{"list": sizes}, {"grid": grid}]}


def regimes(batch_size: int, steps: int) -> list[str]:
    """Which comparisons such models are part of."""
    parts = {"equal steps": steps == STEPS, "equal samples": batch_size * steps == IMAGES}
    return [name for name, is_part in parts.items() if is_part]


Groups = Mapping[tuple[str, int], Mapping[int, Curve]]
"""By estimator and batch size, by seed."""


def curves(rows: Iterable[Row]) -> dict[str, Groups]:
    """By regime; of finished models."""
    found: dict[str, dict[tuple[str, int], dict[int, list[tuple[float, ...]]]]] = {}
    for row in rows:
        if row["status"] == "finished":
            columns = ("reconstruction", "aggregate_total_correlation", "mig")
            point = (*(row[column] for column in columns), exact_objective(row), row["strengths"])
            for regime in regimes(row["batch_size"], row["steps"]):
                of_seed = found.setdefault(regime, {}).setdefault((row["estimator"], row["batch_size"]), {})
                of_seed.setdefault(row["seeds"], []).append(point)
    return {
        regime: {
            at: {seed: Curve(*np.array(sorted(points)).T) for seed, points in of_seed.items()}
            for at, of_seed in sorted(groups.items())
        }
        for regime, groups in found.items()
    }


def reached_by_all(groups: Groups) -> float:
    """The least reconstruction error that every seed of every group reaches with one of its betas."""
    return max(float(curve.reconstruction.min()) for of in groups.values() for curve in of.values())


def answers(rows: Iterable[Row]) -> dict[str, Any]:
    """By regime: the reconstruction error at which all are compared, and of each estimator and batch size the least
    total correlation at it, the MIG of the beta whose mean is the largest, and the exact objective at ONE_STRENGTH,
    with t intervals over seeds and Welch's of the difference to the smallest batch.
    """
    told: dict[str, Any] = {}
    for regime, groups in curves(rows).items():
        level, least = reached_by_all(groups), min(size for _, size in groups)
        values = {key: _values(of, level) for key, of in groups.items()}
        told[regime] = {"reconstruction": level, "groups": []}
        for (estimator, size), own in values.items():
            against = values[estimator, least]
            group = {"estimator": estimator, "batch_size": size}
            group |= {name: _plain(t_interval(own[name])) for name in own}
            if size != least:
                group |= {f"{name} - M={least}": _plain(welch_interval(own[name], against[name])) for name in own}
            told[regime]["groups"].append(group)
    return told


def _values(of_seed: Mapping[int, Curve], level: float) -> dict[str, np.ndarray]:
    """Measures of a group, each [seeds]."""
    seeds = [curve for _, curve in sorted(of_seed.items())]

    def over_seeds(measure: str, strength: float) -> np.ndarray:
        return np.array([curve.at(measure, strength) for curve in seeds])

    best = max(STRENGTHS, key=lambda strength: float(np.nan_to_num(over_seeds("mig", strength)).mean()))
    return {
        "tc": np.array([curve.least_tc(level) for curve in seeds]),
        "mig": over_seeds("mig", best),
        "objective": over_seeds("objective", ONE_STRENGTH),
    }


def _plain(interval: Interval) -> list[float | None]:
    """Mean and half, null where there is none."""
    return [None if math.isnan(value) else round(value, 6) for value in (interval.mean, interval.half)]


def figure_of(rows: Iterable[Row]) -> Figure:
    """Exact total correlation against reconstruction error: a panel for each regime and estimator."""
    found = curves(rows)
    figure = new_figure(10.0, 3.2 * len(found))
    for place, regime in enumerate(found):
        sizes = sorted({size for _, size in found[regime]})
        for column, estimator in enumerate(ESTIMATORS):
            axes = figure.add_subplot(len(found), len(ESTIMATORS), place * len(ESTIMATORS) + column + 1)
            for size, colour in zip(sizes, shades(len(sizes)), strict=True):
                for seed, curve in sorted(found[regime][estimator, size].items()):
                    label = f"M = {size}" if seed == SEEDS[0] else None
                    axes.plot(curve.reconstruction, curve.tc, "o", color=colour, markersize=4, label=label)
            axes.set_yscale("log")
            tidy(axes, f"{estimator}, {regime}", "reconstruction error (nats)", "total correlation (nats)")
            axes.legend(frameon=False, fontsize=8)
    return figure


def swept(name: str, folder: Path) -> list[Row]:
    """Runs a sweep of docs/large-batch in its folder, and leaves its table beside its config."""
    console = Console(stderr=True)
    run_sweep(SweepConfig.from_file(FOLDER / f"{name}.yaml"), folder / name, engine=Local(2, 1), console=console)
    shutil.copyfile(folder / name / "results.parquet", FOLDER / f"{name}.parquet")
    return table(name)


def table(name: str) -> list[Row]:
    rows: list[Row] = pq.read_table(FOLDER / f"{name}.parquet").to_pylist()
    return rows


def written(rates: Rates) -> str:
    """The text of sweep.yaml."""
    import yaml

    template = yaml.safe_load((FOLDER / "learning-rates.yaml").read_text())
    head = "# Written by benchmarks/sweeps/large_batch.py, with the learning rates that learning-rates.yaml led to.\n"
    return head + yaml.safe_dump(sweep_of(template, rates), sort_keys=False, default_flow_style=None)


def main() -> None:

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/large-batch"), help="of the two sweeps")
    parser.add_argument("--answers", action="store_true", help="only compute the answers anew")
    arguments = parser.parse_args()
    if not arguments.answers:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        rates = chosen(swept("learning-rates", arguments.folder))
        atomic_write_text(FOLDER / "sweep.yaml", written(rates))
        swept("sweep", arguments.folder)
    rows = table("sweep")
    atomic_write_text(FOLDER / "answers.json", json.dumps(answers(rows), indent=1) + "\n")
    save_png(figure_of(rows), FOLDER / "curves.png")


if __name__ == "__main__":
    main()
