"""What a schedules study leaves in its folder for figures, findings and report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pyvae.losses import schedule_of
from pyvae.studies.folder import CURVES
from pyvae.studies.schedules.config import SchedulesConfig
from pyvae.studies.schedules.runs import CONSTANT, FROM_100, FROM_10000, READ_OFF, RUNS, SOURCE_STEPS, Read
from pyvae.studies.table import table_of_models

Array = NDArray[np.float64]

ROUNDING = 1e-6
"""Of β, relative."""
SAVED = ("results.parquet", "latents.parquet", "spectrum.parquet", CURVES)
"""What figures and report need; without any of them it is measured again from the checkpoints."""


@dataclass(frozen=True)
class Arm:
    """The models of one schedule and one β at the end, a seed each."""

    group: str
    beta: float
    """At the end."""
    unscaled: float
    """The same where the config's scale is 1, as the source has it."""

    @property
    def name(self) -> str:
        """In words: "β = 10", or "β 100 → 1"."""
        if self.group == CONSTANT:
            return f"β = {self.beta:g}"
        schedule = schedule_of(RUNS[self.group].schedule).within(SOURCE_STEPS)
        start, end = self.beta * schedule(0), self.beta * schedule.final
        return f"β {start:g} → {end:g}"

    @property
    def read(self) -> Read | None:
        """What can be read off the source's plots of it."""
        return READ_OFF.get((self.group, self.unscaled))


class Records(NamedTuple):
    """The points of a training curve, each the mean over the steps since the one before."""

    steps: NDArray[np.int64]
    """Steps taken at each, [P]."""
    first: Array
    """β at the first step of each, [P]."""
    last: Array
    """β at the last step of each, [P]."""
    values: Array
    """[seeds, P]; NaN is no value."""


@dataclass(frozen=True)
class Results:
    """A finished study. Values of an arm are [seeds], in the order of the config; NaN is "no value"."""

    config: SchedulesConfig
    table: pa.Table
    latents: pa.Table
    spectrum: pa.Table
    curves: pa.Table

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.config.axes.seeds

    @property
    def arms(self) -> list[Arm]:
        """Constant βs in ascending order, then the schedules."""
        scale = self.config.axes.scale
        found = []
        for group, run in RUNS.items():
            ends = sorted(self.config.axes.betas) if run.end is None else [run.end]
            found += [Arm(group, scale * end, end) for end in ends]
        return found

    @property
    def constant(self) -> list[Arm]:
        """Those whose β is constant."""
        return [arm for arm in self.arms if arm.group == CONSTANT]

    @property
    def scheduled(self) -> list[Arm]:
        """The others."""
        return [arm for arm in self.arms if arm.group != CONSTANT]

    @property
    def falling(self) -> list[Arm]:
        """Those whose β falls."""
        return [arm for arm in self.arms if arm.group in (FROM_100, FROM_10000)]

    def arm(self, group: str, unscaled: float) -> Arm | None:
        """The arm of a schedule whose β ends there, times the config's scale; None where the run has none."""
        return next((one for one in self.arms if (one.group, one.unscaled) == (group, unscaled)), None)

    def values(self, arm: Arm, column: str) -> Array:
        """A column of the table for every seed; NaN for a model that has diverged, has a measure that is not finite, or
        is missing.
        """
        rows = {row["seed"]: row[column] for row in self.table.to_pylist() if _is(arm, row) and _finite(row)}
        return np.array([rows.get(seed, np.nan) for seed in self.seeds], dtype=np.float64)

    def known(self, *arms: Arm) -> NDArray[np.bool_]:
        """Which seeds have a number of every one of these arms, [seeds]."""
        known: NDArray[np.bool_] = np.logical_and.reduce([~np.isnan(self.values(arm, "kl_nats")) for arm in arms])
        return known

    def records(self, arm: Arm, column: str) -> Records:
        """The training curves of an arm, with the values of β that each point is about."""
        steps, values = self.curve(arm, column)
        before = np.concatenate([np.zeros(1, dtype=np.int64), steps[:-1]])[: len(steps)]
        return Records(steps, self.betas_at(arm, before), self.betas_at(arm, steps - 1), values)

    def curve(self, arm: Arm, column: str) -> tuple[NDArray[np.int64], Array]:
        """Steps [P], and what training gave up to each since the one before, [seeds, P]."""
        rows = [row for row in self.curves.to_pylist() if _is(arm, row) and row["split"] == "train"]
        steps = np.array(sorted({row["step"] for row in rows}), dtype=np.int64)
        place = {step: column for column, step in enumerate(steps.tolist())}
        out = np.full((len(self.seeds), len(steps)), np.nan)
        for row in rows:
            value = row[column]
            out[self.seeds.index(row["seed"]), place[row["step"]]] = np.nan if value is None else value
        return steps, out

    def betas_at(self, arm: Arm, steps: Sequence[int] | NDArray[np.int64]) -> Array:
        """β at steps of a run, counted from 0."""
        run = RUNS[arm.group]
        schedule = schedule_of(run.schedule).within(run.steps(self.config.training.steps))
        return np.array([arm.beta * schedule(int(step)) for step in steps])

    def steps_at_rest(self, arm: Arm) -> int:
        """For how many steps of a whole run of a falling β it has its last value."""
        steps = np.arange(RUNS[arm.group].steps(self.config.training.steps))
        return int((self.betas_at(arm, steps) <= (1 + ROUNDING) * arm.beta).sum())

    @property
    def collapse_betas(self) -> Array:
        """β_k = λ_k / σ²: where linear theory has the k-th latent collapse."""
        return np.asarray(self.spectrum["collapse_beta"].to_numpy())

    def linear_active(self, beta: float) -> int:
        """How many latents a linear VAE has in use at a β, at most as many as the code has."""
        return min(int((self.collapse_betas > beta).sum()), self.config.model.latents)

    @property
    def numbers(self) -> int:
        """Numbers of an image: pixels times channels."""
        return self.config.data.open().size


def _is(arm: Arm, row: dict[str, object]) -> bool:
    return row["group"] == arm.group and row["beta"] == arm.beta


def _finite(row: Mapping[str, Any]) -> bool:
    return bool(row["finite"]) and all(
        math.isfinite(row[name]) for name in ("kl_nats", "posterior_std", "squared_error")
    )


def load_results(folder: Path | str) -> Results:
    """Reads a finished study. Raises FileNotFoundError naming the folder and the first file that is missing."""
    folder = Path(folder)
    for name in ("config.json", *SAVED):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"folder must hold a finished study, but {folder} has no {name}")
    config = SchedulesConfig.from_json((folder / "config.json").read_text())
    tables = {name: pq.read_table(folder / name) for name in SAVED}
    return Results(config, *tables.values())


def table(folder: Path) -> pa.Table:
    """A row for each model; its β is the last one of its schedule. Raises FileNotFoundError as `load_results`."""
    return table_of_models(load_results(folder).table, ("group", "beta", "seed"))
