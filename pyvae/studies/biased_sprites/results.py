"""What a study leaves in its folder for figures and texts: written after evaluation, read by them all.

results.parquet holds a row for each model and measure (names: see measures.py), biases.parquet one for each bias,
pictures.safetensors training images.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pyvae.report.robustness import Robustness, Verdict, robustness, verdict
from pyvae.report.statistics import Array
from pyvae.studies.biased_sprites.biases import label
from pyvae.studies.biased_sprites.config import BiasedSpritesConfig, Group, Kind
from pyvae.studies.biased_sprites.measures import RECOVERED, name_of
from pyvae.studies.folder import CURVES
from pyvae.studies.table import table_of_models

SAVED = ("results.parquet", "biases.parquet", "pictures.safetensors", CURVES)
"""What figures and texts need; without any of them it is measured again from the checkpoint."""

OF = f"{RECOVERED} of "


@dataclass(frozen=True)
class Results:
    """A finished study. NaN is "no value"."""

    config: BiasedSpritesConfig
    table: pa.Table
    biases: pa.Table

    @property
    def betas(self) -> Array:
        """In ascending order."""
        return np.array(sorted(self.config.axes.strengths))

    @property
    def seeds(self) -> int:
        """How many there are."""
        return len(self.config.axes.seeds)

    @property
    def reference(self) -> float:
        """The β that others are compared with."""
        return self.config.reference

    @property
    def models(self) -> int:
        """How many were trained."""
        return sum(len(self.config.cells(group)) for group in self.config.groups)

    @property
    def diverged(self) -> int:
        """Models that no share is known of."""
        return self.models - len([row for row in self.known if row["metric"] == RECOVERED])

    def strengths(self, kind: Kind) -> Array:
        """0, then those of the kind of bias, in ascending order."""
        return np.array([0.0, *self.config.biases_of(kind)])

    def values(self, group: Group, bias: float, measure: str) -> Array:
        """A measure of a group's models of one bias, [betas, seeds]."""
        return self._of(group, bias, measure, "value")

    def share(self, group: Group, bias: float, measure: str = RECOVERED) -> Array:
        """A measure over its ceiling, [betas, seeds]; NaN where that is 0, as of a factor that no image shows."""
        ceiling = self._of(group, bias, measure, "ceiling")
        return self.values(group, bias, measure) / np.where(ceiling > 0, ceiling, np.nan)

    def unbiased(self, objective: str, measure: str = RECOVERED) -> Array:
        """The share of models without bias, [betas, seeds]."""
        return self.share(Group(objective), 0.0, measure)

    def shares(self, objective: str, kind: Kind, measure: str = RECOVERED) -> Array:
        """Of models without bias, then with each of a kind, not weighted, [biases, betas, seeds]."""
        biased = [self.share(Group(objective, kind), s, measure) for s in self.config.biases_of(kind)]
        return np.stack([self.unbiased(objective, measure), *biased])

    def scores(self, objective: str, kind: Kind, measure: str) -> Array:
        """The same of a measure as it is."""
        biased = [self.values(Group(objective, kind), s, measure) for s in self.config.biases_of(kind)]
        return np.stack([self.values(Group(objective), 0.0, measure), *biased])

    def part(self, objective: str, kind: Kind, strength: float, part: str, measure: str = RECOVERED) -> Array:
        """The share that models without and with a bias recover of the images of one of its parts, [2, betas, seeds].

        Of RECOVERED it is over the ceiling; other measures are as they are.
        """
        name = name_of(measure, label(kind, strength), part)
        asked = self.share if measure == RECOVERED else self.values
        return np.stack([asked(Group(objective), 0.0, name), asked(Group(objective, kind), strength, name)])

    def robustness(self, objective: str, kind: Kind, *, comparisons: int = 1) -> list[Robustness]:
        """Every β against the reference, in ascending order; intervals for so many comparisons at once."""
        shares, active = self.shares(objective, kind), self.scores(objective, kind, "active_latents")
        biases, betas = self.strengths(kind), self.betas
        return robustness(biases, betas, self.reference, shares, active, comparisons=comparisons)

    def verdict(self, objective: str, kind: Kind, *, comparisons: int = 1) -> Verdict:
        """What the β above the reference show."""
        return verdict(self.robustness(objective, kind, comparisons=comparisons), self.reference)

    def fact(self, kind: Kind, strength: float, column: str) -> float:
        """What biases.parquet says of one bias; NaN where it says nothing."""
        for row in self.biases.to_pylist():
            if (row["kind"], row["strength"]) == (kind.name, strength):
                return float("nan") if row[column] is None else float(row[column])
        raise KeyError(label(kind, strength))

    @property
    def factors(self) -> list[str]:
        """Their names."""
        return list(dict.fromkeys(row["metric"][len(OF) :] for row in self.known if _is_of_all(row["metric"])))

    def _of(self, group: Group, bias: float, measure: str, column: str) -> Array:
        out = np.full((len(self.betas), self.seeds), np.nan)
        for row in self._by_measure[group.name, bias, measure]:
            if row[column] is not None:
                place = int(np.searchsorted(self.betas, row["beta"])), self.config.axes.seeds.index(row["seed"])
                out[place] = row[column]
        return out

    @cached_property
    def known(self) -> list[dict[str, Any]]:
        """The rows that have a value."""
        rows = self.table.select(["group", "bias", "beta", "seed", "metric", "value", "ceiling"]).to_pylist()
        return [row for row in rows if row["value"] is not None]

    @cached_property
    def _by_measure(self) -> defaultdict[tuple[str, float, str], list[dict[str, Any]]]:
        found = defaultdict(list)
        for row in self.known:
            found[row["group"], row["bias"], row["metric"]].append(row)
        return found


def _is_of_all(metric: str) -> bool:
    """Whether it is what is recovered of one factor, over all images."""
    return metric.startswith(OF) and "," not in metric


def load_results(folder: Path | str) -> Results:
    """Reads a finished study. Raises FileNotFoundError naming what the folder lacks."""
    folder = Path(folder)
    for name in ("config.json", *SAVED):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"folder must hold a finished study, but {folder} has no {name}")
    config = BiasedSpritesConfig.from_json((folder / "config.json").read_text())
    return Results(config, pq.read_table(folder / "results.parquet"), pq.read_table(folder / "biases.parquet"))


def table(folder: Path) -> pa.Table:
    """A row for each model, and a column for the value of each measure by its name; ceilings and intervals stay in
    results.parquet. Raises FileNotFoundError as `load_results`.
    """
    results = load_results(folder)
    rows: dict[tuple[str, float, float, int], dict[str, Any]] = {
        (group.name, cell.bias, cell.strength, cell.seed): {}
        for group in results.config.groups
        for cell in results.config.cells(group)
    }
    for row in results.known:
        rows[tuple(row[name] for name in _WHICH.names)][row["metric"]] = row["value"]
    measures = dict.fromkeys(row["metric"] for row in results.known)
    schema = pa.schema([*_WHICH, ("finite", pa.bool_()), *((name, pa.float64()) for name in measures)])
    wide = [
        {**dict(zip(_WHICH.names, key, strict=True)), "finite": RECOVERED in row, **row} for key, row in rows.items()
    ]
    return table_of_models(pa.Table.from_pylist(wide, schema=schema), _WHICH.names)


_WHICH = pa.schema([("group", pa.string()), ("bias", pa.float64()), ("beta", pa.float64()), ("seed", pa.int64())])
