"""Studies made up for tests: tables, curves and pictures in the shape a real one leaves, without training."""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy

from pyvae.studies.biased_grid.config import BiasedGridConfig
from pyvae.studies.biased_grid.results import Results, picture_cells
from pyvae.studies.biased_grid.theory import ceiling, collapse_boundary, constant_decoder_mse, linear_theory_recovered

Measure = Callable[[float, float, int], float]


def small_config(**fields: object) -> BiasedGridConfig:
    """Three mus, three betas, three seeds, two by two blocks."""
    settings = {"mus": (0.0, 1.0, 2.0, 3.0), "betas": (0.5, 1.0, 2.0), "seeds": (0, 1, 2)}
    small = {"steps": 300, "blocks": 2, "pixels": 7, "latents": 4, "hidden": (8,), "sample_images": 5}
    return BiasedGridConfig("quick").replaced(**{**settings, **small, **fields})


def theory_active(mu: float, beta: float, seed: int) -> float:
    """What linear theory says: every latent within the boundary, none beyond it."""
    return 4.0 if beta < collapse_boundary(mu) else 0.0


def theory_recovered(mu: float, beta: float, seed: int) -> float:
    """The best linear VAE, with a little scatter between seeds."""
    return linear_theory_recovered(mu, beta, blocks=4) * (1 + 0.01 * seed)


def decoded(mu: float, beta: float, seed: int) -> float:
    """Half the constant decoder's error within the boundary, all of it beyond."""
    return constant_decoder_mse(mu) * (0.5 if theory_active(mu, beta, seed) else 1.0)


def pmi(mu: float, beta: float, seed: int) -> float:
    """0.05 within the boundary, 0 beyond."""
    return 0.05 if theory_active(mu, beta, seed) else 0.0


@functools.cache
def _ceiling(mu: float) -> float:
    return ceiling(mu, blocks=4)


DEFAULTS: dict[str, Measure] = {
    "train_recovered_nats": theory_recovered,
    "train_ceiling_nats": lambda mu, beta, seed: _ceiling(mu),
    "train_active_kl": theory_active,
    "train_active_variance": theory_active,
    "train_code_information_saturated": lambda mu, beta, seed: beta < 1,
    "test_truth_to_mean_mse_sgd": pmi,
    "test_decoded_projection_mse_sgd": decoded,
}
OTHERS = (
    "train_elbo_nats", "train_kl_nats", "train_code_information_nats", "test_truth_to_mean_r2_lsq",
    "test_mean_to_truth_r2_lsq", "test_sample_to_truth_r2_lsq", "test_sample_to_truth_mse_lsq",
)  # fmt: skip


def table(config: BiasedGridConfig, *, finite: Measure = lambda *_: True, **measures: Measure) -> pa.Table:
    """A results table whose columns are functions of (mu, beta, seed)."""
    rows = config.cells()
    columns = {**dict.fromkeys(OTHERS, lambda mu, beta, seed: 0.25 + 0.01 * seed), **DEFAULTS, **measures}
    return pa.table(
        {
            "mu": [cell.bias for cell in rows],
            "beta": [cell.strength for cell in rows],
            "seed": [cell.seed for cell in rows],
            "steps": [config.training.steps] * len(rows),
            "best_step": [config.training.steps] * len(rows),
            "finite": [bool(finite(cell.bias, cell.strength, cell.seed)) for cell in rows],
            **{name: [f(c.bias, c.strength, c.seed) for c in rows] for name, f in columns.items()},
        }
    )


def results(
    config: BiasedGridConfig | None = None, *, finite: Measure = lambda *_: True, **measures: Measure
) -> Results:
    """A study whose models do what linear theory says, unless `measures` says otherwise."""
    config = config or small_config()
    baseline = table(small_config(mus=(0.0,), betas=(0.0,), seeds=(0, 1, 2)), train_recovered_nats=lambda *_: 0.002)
    return Results(config, table(config, finite=finite, **measures), baseline)


def write_folder(folder: Path, study: Results | None = None) -> Results:
    """Everything figures and report read."""
    study = study or results()
    config = study.config
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config.to_json())
    pq.write_table(study.table, folder / "results.parquet")
    pq.write_table(study.baseline, folder / "baseline.parquet")
    pq.write_table(_curves(config), folder / "curves.parquet")
    (folder / "pictures.safetensors").write_bytes(safetensors.numpy.save(_pictures(config)))
    return study


def _curves(config: BiasedGridConfig) -> pa.Table:
    steps = range(100, config.training.steps + 1, 100)
    rows = [(cell, step) for cell, step in itertools.product(config.cells(), steps)]
    return pa.table(
        {
            "mu": [cell.bias for cell, _ in rows],
            "beta": [cell.strength for cell, _ in rows],
            "seed": [cell.seed for cell, _ in rows],
            "step": [step for _, step in rows],
            "loss": [300 + cell.strength + 1000 / step for cell, step in rows],
            "kl": [10 / (1 + cell.strength) for cell, _ in rows],
            "reconstruction": [300.0] * len(rows),
            "elbo": [-300.0] * len(rows),
            "split": ["train"] * len(rows),
        }
    )


def _pictures(config: BiasedGridConfig) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shown, columns, size = picture_cells(config), config.evaluation.sample_images, config.grid.size
    return {
        "mus": np.array(config.axes.mus),
        "clean": rng.random((len(config.axes.mus), columns, size), dtype=np.float32),
        "noised": rng.random((len(config.axes.mus), columns, size), dtype=np.float32),
        "test_images": rng.random((columns, size), dtype=np.float32),
        "cells": np.array([[cell.bias, cell.strength, cell.seed] for cell in shown]),
        "decoded": rng.random((len(shown), columns, size), dtype=np.float32),
        "projection_curve": 0.01 + rng.random((len(shown), 30), dtype=np.float32),
        "baseline_projection_curve": 0.01 + rng.random((3, 30), dtype=np.float32),
    }
