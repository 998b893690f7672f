"""What a study leaves in its folder for figures, findings and report: written after evaluation, read by them
all.

results.parquet and baseline.parquet hold one row per model (columns: see evaluate.py), pictures.safetensors
the images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy
import torch
from numpy.typing import NDArray

from pyvae.files import atomic_path, atomic_write_bytes
from pyvae.studies.biased_grid.config import BiasedGridConfig
from pyvae.studies.biased_grid.evaluate import Evaluation, held_out, picture_intensities
from pyvae.studies.biased_grid.theory import linear_theory_latents, linear_theory_recovered
from pyvae.studies.config import reference_beta, spread
from pyvae.studies.folder import CURVES
from pyvae.studies.table import table_of_models
from pyvae.training import Cell

Array = NDArray[np.float64]

SAVED = ("results.parquet", "baseline.parquet", "pictures.safetensors", CURVES)
"""What figures and report need; without any of them it is measured again from the checkpoint."""


@dataclass(frozen=True)
class Results:
    """A finished study. Measures come as [mus, betas, seeds], in ascending order of mu and beta; NaN is
    "no value".
    """

    config: BiasedGridConfig
    table: pa.Table
    baseline: pa.Table

    @property
    def mus(self) -> Array:
        return np.unique(self.table["mu"].to_numpy())

    @property
    def betas(self) -> Array:
        return np.unique(self.table[self.config.strength].to_numpy())

    @property
    def seeds(self) -> NDArray[np.int64]:
        return np.unique(self.table["seed"].to_numpy())

    def grid(self, column: str) -> Array:
        """A column of the table as [mus, betas, seeds]; models that diverged, or are missing, are NaN."""
        out = np.full((len(self.mus), len(self.betas), len(self.seeds)), np.nan)
        place = tuple(
            np.searchsorted(axis, self.table[name].to_numpy())
            for name, axis in (("mu", self.mus), (self.config.strength, self.betas), ("seed", self.seeds))
        )
        values = self.table[column].to_numpy().astype(np.float64)
        out[place] = np.where(self.table["finite"].to_numpy(), values, np.nan)
        return out

    def active(self) -> Array:
        """Latents in use, [mus, betas, seeds], by `active_by`."""
        return self.grid("train_active_kl" if self.active_by == "mean KL" else "train_active")

    @property
    def active_by(self) -> Literal["information", "mean KL", "variance"]:
        """What decides which latents are in use: information; in studies of earlier versions mean KL; of deterministic
        codes the variance of the mean.
        """
        if self.config.objective.kind.deterministic:
            return "variance"
        return "information" if "train_active" in self.table.column_names else "mean KL"

    @property
    def reference(self) -> float:
        """The strength that others are compared with: of betas 1, the plain VAE, or in a study without it the nearest
        in ratio; else the smallest.
        """
        if not self.config.varies_beta:
            return float(self.betas.min())
        return reference_beta(self.betas.tolist())

    @property
    def ceilings(self) -> Array:
        """What a noised image holds of its true latents, nats, for each mu."""
        of = dict(zip(self.table["mu"].to_pylist(), self.table["train_ceiling_nats"].to_pylist(), strict=True))
        return np.array([of[mu] for mu in self.mus])

    def fraction_recovered(self) -> Array:
        """Recovered information over the ceiling, [mus, betas, seeds]."""
        return self.grid("train_recovered_nats") / self.ceilings[:, None, None]

    @property
    def draws_linear_theory(self) -> bool:
        """Whether linear theory speaks of these models and there is a line to draw of it against mu."""
        return self.config.theory_holds and len(self.mus) > 1

    @property
    def linear_theory_latents(self) -> int:
        """How many latents the best linear VAE has in use, where any."""
        return linear_theory_latents(self.config.grid.blocks**2, self.config.model.latents)

    def linear_theory_fraction(self, beta: float) -> Array:
        """The share of the ceiling that the best linear VAE with as many latents recovers at beta, for each mu."""
        grid = self.config.grid
        recovered = [
            linear_theory_recovered(
                float(mu),
                beta,
                blocks=self.linear_theory_latents,
                pixels=grid.pixels**2,
                noise_variance=grid.noise_variance,
            )
            for mu in self.mus
        ]
        return np.array(recovered) / self.ceilings

    def untrained(self, column: str) -> Array:
        """A column of the untrained models, [runs]."""
        return np.asarray(self.baseline[column].to_numpy(), dtype=np.float64)

    def baseline_mean(self, column: str) -> float:
        """Mean of a column over the untrained models."""
        return float(self.untrained(column).mean())


@dataclass(frozen=True)
class Saved:
    """All that a finished study holds."""

    results: Results
    curves: pa.Table
    pictures: dict[str, NDArray[np.generic]]


def load_results(folder: Path | str) -> Results:
    """Read a study's config, results and baseline. Raises FileNotFoundError naming the folder when one is
    missing.
    """
    folder = Path(folder)
    _require(folder, ("config.json", "results.parquet", "baseline.parquet"))
    config = BiasedGridConfig.from_json((folder / "config.json").read_text())
    return Results(config, pq.read_table(folder / "results.parquet"), pq.read_table(folder / "baseline.parquet"))


def table(folder: Path) -> pa.Table:
    """A row for each model. Raises FileNotFoundError as `load_results`."""
    results = load_results(folder)
    return table_of_models(results.table, ("mu", results.config.strength, "seed"))


def load_saved(folder: Path | str) -> Saved:
    """Read all of a finished study. Raises FileNotFoundError naming the folder when a file is missing."""
    folder = Path(folder)
    results = load_results(folder)
    _require(folder, ("curves.parquet", "pictures.safetensors"))
    pictures = safetensors.numpy.load((folder / "pictures.safetensors").read_bytes())
    return Saved(results, pq.read_table(folder / "curves.parquet"), pictures)


def save_evaluations(
    folder: Path, evaluations: Sequence[Evaluation], baseline: Evaluation, config: BiasedGridConfig
) -> None:
    """Write results.parquet, baseline.parquet and pictures.safetensors, each atomically.

    results.parquet comes last: its presence says that all is there. `evaluations` are the chunks, whose rows
    must be in the order of `config.cells()`.
    """
    table = pa.concat_tables([evaluation.table for evaluation in evaluations])
    decoded = torch.cat([evaluation.decoded for evaluation in evaluations])
    curves = torch.cat([evaluation.projection_curve for evaluation in evaluations])
    every, shown = config.cells(), picture_cells(config)
    place = [every.index(cell) for cell in shown]
    pictures = {
        **_sample_pictures(config),
        "cells": np.array([[cell.bias, cell.strength, cell.seed] for cell in shown]),
        "decoded": decoded[place].numpy(),
        "projection_curve": curves[place].numpy(),
        "baseline_projection_curve": baseline.projection_curve.numpy(),
    }
    with atomic_path(folder / "baseline.parquet") as path:
        pq.write_table(baseline.table, path)
    atomic_write_bytes(folder / "pictures.safetensors", safetensors.numpy.save(pictures))
    with atomic_path(folder / "results.parquet") as path:
        pq.write_table(table, path)


def picture_cells(config: BiasedGridConfig) -> list[Cell]:
    """The cells pictures are made of: least, middle and most biased mu; smallest, middle and largest beta;
    one seed.
    """
    axes = config.axes
    return [Cell(mu, beta, axes.seeds[0]) for mu in spread(axes.mus) for beta in spread(axes.strengths)]


def _sample_pictures(config: BiasedGridConfig) -> dict[str, NDArray[np.generic]]:
    """Clean and noised training images [mus, sample_images, pixels], and the test images shown decoded."""
    grid, axes = config.grid, config.axes
    rows = [Cell(mu, 0.0, axes.seeds[0]) for mu in axes.mus]
    shown = held_out(grid, rows, config.evaluation.sample_images)
    return {
        "mus": np.array(axes.mus),
        "clean": grid.images(shown.factors).numpy(),
        "noised": shown.images.numpy(),
        "test_images": grid.render(picture_intensities(config)).numpy(),
    }


def followed(config: BiasedGridConfig) -> str:
    """The term of training that curves show beside the loss: the KL, or what an objective without one has."""
    terms = config.objective.kind.terms
    return "kl" if "kl" in terms else terms[-1]


def _require(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"folder must hold a finished study, but {folder} has no {name}")
