"""What a study leaves in its folder for figures, findings and report, read by them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pyvae.report.statistics import Array
from pyvae.studies.agreement.config import SWEEPS, AgreementConfig
from pyvae.studies.agreement.texts import DISENTANGLEMENT, REFUSES_MANY
from pyvae.studies.folder import CURVES
from pyvae.studies.table import table_of_models

SAVED = ("results.parquet", "scores.parquet", CURVES)
"""What figures and report need; without any of them it is measured again from the checkpoint."""


@dataclass(frozen=True)
class Results:
    """A finished study: N models, in the order of the table. NaN is "no value"."""

    config: AgreementConfig
    table: pa.Table
    scores: pa.Table

    def column(self, name: str) -> Array:
        """A score of all models [N]; all NaN where no model has it."""
        if name not in self.table.column_names:
            return np.full(len(self.table), np.nan)
        return np.asarray(self.table[name].to_numpy(), dtype=np.float64)

    def columns(self, names: Sequence[str]) -> Array:
        """[N, len(names)]."""
        return np.array([self.column(name) for name in names]).reshape(len(names), len(self.table)).T

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The objectives, in the study's order."""
        held = set(self.table["objective"].to_pylist())
        return tuple(sweep.group for sweep in SWEEPS if sweep.group in held)

    @cached_property
    def objective(self) -> NDArray[np.int64]:
        """The place of each model's objective in `groups`, [N]."""
        place = {group: i for i, group in enumerate(self.groups)}
        return np.array([place[group] for group in self.table["objective"].to_pylist()], dtype=np.int64)

    @cached_property
    def cell(self) -> NDArray[np.int64]:
        """A number for each pair of objective and strength, [N]: models of one cell differ by their seed alone."""
        pairs = np.stack([self.objective.astype(np.float64), self.column("strength")], 1)
        return np.asarray(np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1), dtype=np.int64)

    @property
    def seed(self) -> NDArray[np.int64]:
        return np.asarray(self.table["seed"].to_numpy(), dtype=np.int64)

    @property
    def seeds(self) -> int:
        """How many seeds there are."""
        return len(np.unique(self.seed))

    @property
    def finite(self) -> NDArray[np.bool_]:
        """Which models have codes at all: training of the others diverged."""
        return np.asarray(self.table["finite"].to_numpy(zero_copy_only=False), dtype=bool)

    @property
    def collapsed(self) -> NDArray[np.bool_]:
        """Which models have no active latent: what scores say of them is noise."""
        return np.asarray(self.finite & (self.column("active_latents") == 0))

    @property
    def in_use(self) -> NDArray[np.bool_]:
        """Which models say something: neither diverged nor collapsed."""
        return np.asarray(self.finite & ~self.collapsed)

    @cached_property
    def disentanglement(self) -> tuple[str, ...]:
        """The scores of disentanglement that most models have."""
        return self.known(tuple(DISENTANGLEMENT))

    def known(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those that all but a few models in use have."""
        missing = {name: np.isnan(self.column(name))[self.in_use].sum() for name in names}
        return tuple(name for name in names if missing[name] <= REFUSES_MANY * self.in_use.sum())

    def ranked(self, names: Sequence[str], *, with_collapsed: bool = False) -> NDArray[np.bool_]:
        """The models [N] that correlations are about: in use, with a value of each of these scores."""
        usable = self.finite if with_collapsed else self.in_use
        return np.asarray(usable & ~np.isnan(self.columns(names)).any(1))


def load_results(folder: Path | str) -> Results:
    """Reads a study's config and tables. Raises FileNotFoundError naming the folder when one is missing."""
    folder = Path(folder)
    for name in ("config.json", *SAVED):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"folder must hold a finished study, but {folder} has no {name}")
    config = AgreementConfig.from_json((folder / "config.json").read_text())
    return Results(config, pq.read_table(folder / "results.parquet"), pq.read_table(folder / "scores.parquet"))


def table(folder: Path) -> pa.Table:
    """A row for each model. Raises FileNotFoundError as `load_results`."""
    return table_of_models(load_results(folder).table, ("objective", "strength", "seed"))
