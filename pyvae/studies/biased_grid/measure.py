"""Measures all models of a run, some at a time, and saves what was found."""

from pathlib import Path

from pyvae.studies.biased_grid.config import BiasedGridConfig
from pyvae.studies.biased_grid.evaluate import evaluate, random_baseline
from pyvae.studies.biased_grid.results import save_evaluations
from pyvae.studies.study import Announce
from pyvae.training import Trained

EVALUATED_TOGETHER = 16
"""Models of one call of `evaluate`: bounds its memory (each decodes the whole test grid)."""


def evaluate_all(trained: Trained, config: BiasedGridConfig, folder: Path, announce: Announce) -> None:
    """Writes results.parquet, baseline.parquet and pictures.safetensors into `folder`."""
    evaluations = []
    models = len(trained.cells)
    for start in range(0, models, EVALUATED_TOGETHER):
        end = min(start + EVALUATED_TOGETHER, models)
        announce(start, end, models)
        evaluations.append(
            evaluate(
                trained.model.select(range(start, end)), trained.cells[start:end], config,
                steps=trained.steps[start:end].tolist(), best_steps=trained.best_step[start:end].tolist(),
            )
        )  # fmt: skip
    save_evaluations(folder, evaluations, random_baseline(config), config)
