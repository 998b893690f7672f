"""A sweep as its page sees it: models in configurations, which differ in more than the seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pyvae.report.statistics import Interval, t_interval
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.folder import SweepFolder
from pyvae.sweeps.planning.config import SweepConfig
from pyvae.sweeps.planning.plan import plan_of
from pyvae.sweeps.report.axes import Axis, Value, axes_of, shown
from pyvae.sweeps.table.columns import SEEDS, measures
from pyvae.sweeps.table.merging import FAILED, FINISHED, STATUS
from pyvae.sweeps.table.results import Counts, counts, load_results
from pyvae.sweeps.table.results import axes_of as fields_of

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sweep:
    """The table of a sweep's results, R rows, and what they are results of."""

    folder: Path
    config: SweepConfig
    table: pa.Table
    counts: Counts
    """Of cells."""
    fields: tuple[str, ...]
    """The sweep's axes, as columns of the table."""
    stacked: Mapping[str, str]
    """What the study calls some of them."""

    @cached_property
    def measures(self) -> list[str]:
        """Columns of numbers of which at least one model has one."""
        return [name for name in measures(self.table, self.fields) if np.isfinite(self.values(name)).any()]

    @cached_property
    def _all_axes(self) -> list[Axis]:
        return axes_of(self.table, self.fields, self.stacked)

    @cached_property
    def axes(self) -> list[Axis]:
        """What configurations differ in."""
        return [axis for axis in self._all_axes if not _is_of_seeds(axis)]

    @cached_property
    def seeds(self) -> Axis | None:
        """Over which there is a spread; None where all models have one seed."""
        return next(filter(_is_of_seeds, self._all_axes), None)

    @cached_property
    def status(self) -> list[str]:
        """Of each row."""
        found: list[str] = self.table[STATUS].to_pylist()
        return found

    def values(self, column: str) -> Array:
        """A measure of each row [R], NaN where there is none; of models that have diverged there is none."""
        if column not in self._values:
            numbers = np.array(
                [np.nan if value is None else value for value in self.table[column].to_pylist()], dtype=np.float64
            )
            numbers[~np.isfinite(numbers) | (np.array(self.status) != FINISHED)] = np.nan
            self._values[column] = numbers
        return self._values[column]

    @cached_property
    def _values(self) -> dict[str, Array]:
        return {}

    def cell(self, row: int) -> str:
        """The cell of a row."""
        return str(self.table["cell"][row].as_py())

    def row(self, row: int) -> dict[str, Value]:
        """Everything of a row, by column."""
        (found,) = self.table.slice(row, 1).to_pylist()
        return dict(found)

    # --- Configurations -----------------------------------------------------------------------------------------------

    @cached_property
    def members(self) -> list[Rows]:
        """The rows of each configuration, in the order in which these come."""
        places = np.stack([np.zeros(len(self.table), np.int64), *(axis.places for axis in self.axes)], 1)
        models = np.flatnonzero(np.array(self.status) != FAILED)
        if not len(models):
            return []
        _, first, of = np.unique(places[models], axis=0, return_index=True, return_inverse=True)
        order = np.argsort(first)  # unique sorts them by their values
        groups = np.split(models[np.argsort(of.ravel(), kind="stable")], np.cumsum(np.bincount(of.ravel()))[:-1])
        return [groups[k] for k in order]

    def name(self, configuration: int) -> str:
        """A configuration in words: "beta 4, batch_size 64"."""
        row = self.members[configuration][0]
        return self.named(int(row)) or "the only configuration"

    def named(self, row: int, *, seed: bool = False) -> str:
        """What a row has on the axes, in words."""
        axes = [*self.axes, *([self.seeds] if seed and self.seeds is not None else [])]
        return ", ".join(
            f"{axis.name} {shown(axis.values[axis.places[row]])}" for axis in axes if axis.places[row] >= 0
        )

    def means(self, column: str) -> Array:
        """Of each configuration, over those of its models that have a value; NaN where none has."""
        if column not in self._means:
            values = self.values(column)
            sums = np.array([np.nansum(values[rows]) for rows in self.members])
            numbers = np.array([np.isfinite(values[rows]).sum() for rows in self.members])
            self._means[column] = np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan)
        return self._means[column]

    @cached_property
    def _means(self) -> dict[str, Array]:
        return {}

    def interval(self, column: str, configuration: int) -> Interval:
        """The mean of a configuration with its t interval over seeds."""
        return t_interval(self.values(column)[self.members[configuration]])

    def ranked(self, column: str, *, largest: bool) -> list[int]:
        """The configurations that have a value, the best first; equal ones in the order in which they come."""
        means = self.means(column)
        known = np.flatnonzero(np.isfinite(means))
        order: list[int] = known[np.argsort(-means[known] if largest else means[known], kind="stable")].tolist()
        return order

    def over_seeds(self, rows: Sequence[Rows]) -> str:
        """How many seeds some configurations have, in words."""
        numbers = sorted({len(one) for one in rows}) or [0]
        if numbers[-1] == 1:
            return "one seed"
        return f"{numbers[0]} to {numbers[-1]} seeds" if len(numbers) > 1 else f"{numbers[0]} seeds"


def open_sweep(folder: Path | str) -> Sweep:
    """The sweep in a folder, with the results that are there by now; SweepError for a folder that holds none."""
    folder = Path(folder)
    config = SweepFolder(folder).config()
    if config is None:
        raise SweepError(f"folder must hold a sweep, but {folder} has none")
    table = load_results(folder)
    stacked = plan_of(config).stacked()
    return Sweep(folder, config, table, counts(folder, table), tuple(fields_of(folder)), stacked)


def _is_of_seeds(axis: Axis) -> bool:
    return axis.name in SEEDS
