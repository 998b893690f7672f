"""A schedules study made up for tests, without training: models that do what the test says."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pyvae.studies.schedules.config import SchedulesConfig
from pyvae.studies.schedules.results import Arm, Results, load_results
from pyvae.studies.schedules.runs import CONSTANT, FROM_100, FROM_10000, RUNS

FIRST = 20.0
"""The β at which linear theory has the first latent collapse; the others follow by halves."""
CONFIG = SchedulesConfig("quick").replaced(
    steps=1000, curve_every=10, seeds=(0, 1, 2), latents=4, sizes=(3, 2, 2, 4, 4), side=16
)
Measure = Callable[[Arm, float, int], float]
Which = Callable[[Arm, int], bool]


def kl_by_theory(arm: Arm, beta: float, seed: int) -> float:
    """What is left of KL at a β, all of it come back at once; a percent of scatter between seeds."""
    return 10 * max(0.0, np.log(FIRST / max(beta, 0.1))) * (1 + 0.01 * seed)


def none(arm: Arm, seed: int) -> bool:
    """No model has diverged."""
    return False


def every(arm: Arm, seed: int) -> bool:
    """All have."""
    return True


def write_folder(
    folder: Path, config: SchedulesConfig = CONFIG, *, kl: Measure = kl_by_theory, diverged: Which = none
) -> Results:
    """Everything that figures and report read."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config.to_json())
    spectrum = FIRST * 0.5 ** np.arange(8)
    pq.write_table(pa.table({"variance": spectrum / 2, "collapse_beta": spectrum}), folder / "spectrum.parquet")
    empty = Results(config, *(pa.table({}) for _ in range(2)), pa.table({"collapse_beta": spectrum}), pa.table({}))
    pairs = list(itertools.product(empty.arms, config.axes.seeds))
    rows = [_lost(arm, seed) if diverged(arm, seed) else _row(arm, seed, kl) for arm, seed in pairs]
    pq.write_table(pa.Table.from_pylist(rows, schema=_RESULTS), folder / "results.parquet")
    latents = [_latent(arm, seed, d) for arm, seed in pairs for d in range(4) if not diverged(arm, seed)]
    pq.write_table(pa.Table.from_pylist(latents), folder / "latents.parquet")
    points = [point for arm, seed in pairs for point in _curve(empty, arm, seed, kl, diverged(arm, seed))]
    pq.write_table(pa.Table.from_pylist(points), folder / "curves.parquet")
    return load_results(folder)


def falls_short(arm: Arm, beta: float, seed: int) -> float:
    """Models come back, to half of what a constant β has."""
    return kl_by_theory(arm, beta, seed) * (0.5 if arm.group in (FROM_100, FROM_10000) else 1)


def stays_dead(arm: Arm, beta: float, seed: int) -> float:
    """Models that fell do not come back."""
    return kl_by_theory(arm, beta, seed) if arm.group == CONSTANT else 0.0


MEASURES = ("kl_nats", "posterior_std", "squared_error", "active", "active_kl", "active_variance")
_RESULTS = pa.schema(
    [
        ("group", pa.string()),
        ("beta", pa.float64()),
        ("seed", pa.int64()),
        ("steps", pa.int64()),
        ("finite", pa.bool_()),
        *((name, pa.float64()) for name in MEASURES),
        ("reason", pa.string()),
    ]
)


def _which(arm: Arm, seed: int) -> dict[str, object]:
    return {"group": arm.group, "beta": arm.beta, "seed": seed}


def _lost(arm: Arm, seed: int) -> dict[str, object]:
    return {**_which(arm, seed), "steps": 1000, "finite": False, **dict.fromkeys(MEASURES), "reason": "diverged"}


def _row(arm: Arm, seed: int, kl: Measure) -> dict[str, object]:
    nats = kl(arm, arm.beta, seed)
    measures = {"kl_nats": nats, "posterior_std": float(np.exp(-nats / 40)), "squared_error": 30 - nats / 2}
    active = {name: 3 if nats else 0 for name in ("active", "active_kl", "active_variance")}
    return {**_which(arm, seed), "steps": 1000, "finite": True, **measures, **active, "reason": None}


def _latent(arm: Arm, seed: int, d: int) -> dict[str, object]:
    return {**_which(arm, seed), "latent": d, "kl_nats": 2.0**-d, "posterior_std": 0.5}


def _curve(results: Results, arm: Arm, seed: int, kl: Measure, diverged: bool) -> list[dict[str, object]]:
    training = results.config.training
    last = RUNS[arm.group].steps(training.steps)
    steps = list(range(training.curve_every, last + 1, training.curve_every))
    return [
        {
            **_which(arm, seed),
            "step": step,
            "kl": None if diverged and k else kl(arm, beta, seed),  # one point, and then no more
            "posterior_std": 0.7,
            "split": "train",
        }
        for k, (step, beta) in enumerate(zip(steps, results.betas_at(arm, steps), strict=True))
    ]
