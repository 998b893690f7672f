"""What a vae study leaves in its folder for figures, findings and report."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pyvae.metrics import METRICS
from pyvae.report.statistics import Array
from pyvae.studies.folder import CURVES
from pyvae.studies.table import table_of_models
from pyvae.studies.vae.config import VAEConfig
from pyvae.studies.vae.evaluate import OF_CODES, OF_DECODER

SAVED = ("results.parquet", "scores.parquet", "pictures.safetensors", CURVES)
"""What figures and report need; without any of them it is measured again from the checkpoints."""


@dataclass(frozen=True)
class Results:
    """A finished study. NaN is "no value"."""

    config: VAEConfig
    table: pa.Table
    scores: pa.Table
    curves: pa.Table

    @property
    def strengths(self) -> list[float]:
        """In ascending order."""
        return sorted(self.config.axes.strengths)

    @property
    def seeds(self) -> tuple[int, ...]:
        """In the order of the config."""
        return self.config.axes.seeds

    @property
    def finite(self) -> NDArray[np.bool_]:
        """Which models have not diverged, [N]."""
        return np.asarray(self.table["finite"].to_numpy(zero_copy_only=False), dtype=bool)

    @property
    def asked(self) -> tuple[str, ...]:
        """The scores that were asked for and that any model has, a column each."""
        measured = self.table.column_names[self.table.column_names.index("finite") + 1 :]
        return tuple(name for name in measured if name not in (*OF_DECODER, *OF_CODES))

    @property
    def supervised(self) -> tuple[str, ...]:
        """Those that ask about factors: the larger, the more of what each asks for."""
        return tuple(name for name in self.asked if name not in METRICS or METRICS[name].needs_factors)

    def values(self, column: str) -> Array:
        """A column by strength and seed, [strengths, seeds]."""
        out = np.full((len(self.strengths), len(self.seeds)), np.nan)
        names = (self.config.strength, "seed", column)
        for strength, seed, value in zip(*(self.table[name].to_pylist() for name in names), strict=True):
            if value is not None:
                out[self.strengths.index(strength), self.seeds.index(seed)] = value
        return out

    def named(self, strength: float) -> str:
        """ "β = 4"."""
        return f"{self.config.symbol} = {strength:g}"


def load_results(folder: Path | str) -> Results:
    """Reads a finished study. Raises FileNotFoundError naming the folder and the first file that is missing."""
    folder = Path(folder)
    for name in ("config.json", *SAVED):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"folder must hold a finished study, but {folder} has no {name}")
    config = VAEConfig.from_json((folder / "config.json").read_text())
    tables = (pq.read_table(folder / name) for name in ("results.parquet", "scores.parquet", CURVES))
    return Results(config, *tables)


def table(folder: Path) -> pa.Table:
    """A row for each model. Raises FileNotFoundError as `load_results`."""
    results = load_results(folder)
    return table_of_models(results.table, (results.config.strength, "seed"))
