"""A sweep's folder for TensorBoard: a run for each model, `tensorboard --logdir SWEEP/tensorboard` shows them.

A run is a folder with one file, whose name has the version of what it is made of. So the disk says which runs are there
and right; those of models that were trained further, or whose cell was given another name, are made anew.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pyvae.files import atomic_write_bytes, remove_stale_temporaries
from pyvae.studies.folder import CURVES
from pyvae.sweeps.folder import SweepFolder
from pyvae.sweeps.logs.events import columns, run
from pyvae.sweeps.logs.models import Curves, Model, measured, models_of
from pyvae.sweeps.names import RUN
from pyvae.sweeps.report.axes import Value
from pyvae.sweeps.report.measures import chosen, goal_of
from pyvae.sweeps.table.merging import SHARD
from pyvae.sweeps.table.outcomes import CELL, read_cells
from pyvae.sweeps.table.results import load_results

FOLDER = "tensorboard"
FILE = "events.out.tfevents.{}.pyvae"
"""TensorBoard reads every file, whole or not, with "tfevents" in its name."""
COLUMNS = "hparams"
"""What the name of the run begins with that says what HPARAMS has columns for."""
UNREAD = "unread"
"""What a file is called until it is whole."""


class TensorBoard:
    """The folder `tensorboard` of a sweep's."""

    def __init__(self, sweep: Path) -> None:
        self._sweep, self._folder = SweepFolder(sweep), sweep / FOLDER
        config = self._sweep.config()
        self._best = config.best if config is not None else None
        cells = read_cells(sweep)
        self._axes: dict[str, list[Value]] = {
            name: cells[name].to_pylist() for name in cells.column_names if name != CELL
        }
        self._apart: set[str] = set()
        """What tells models of one cell apart."""
        self._logged: set[str] | None = None
        """The shards whose models are there; None before anything is known."""

    def update(self) -> None:
        """Writes the runs of models that are done since; the first time it looks at all, and takes others away."""
        table = load_results(self._sweep.path)
        there = {str(shard) for shard in table[SHARD].unique().to_pylist()}
        new = there if self._logged is None else there - self._logged
        if not new and self._logged is not None:
            return
        models = models_of(table.filter(pc.field(SHARD).isin(pa.array([*new], pa.string()))), [*self._axes])
        self._apart |= {name for model in models for name in model.settings} - self._axes.keys()
        heads = self._columns(table)
        if self._logged is None:
            remove_stale_temporaries(self._folder)
            self._remove("*", {*map(self._file, models), *heads})
        for file, held in heads.items():
            self._remove(f"{COLUMNS}-*", {file})  # first: TensorBoard shows the columns of any one
            self._write(file, held)
        self._write_runs(models)
        self._logged = there

    def _write_runs(self, models: list[Model]) -> None:
        missing: dict[str, list[Model]] = {}
        for model in models:
            if not self._file(model).exists():
                missing.setdefault(model.row[SHARD], []).append(model)
        for shard, those in missing.items():
            curves = Curves.read(self._sweep.shard(shard) / RUN / CURVES)
            for model in those:
                self._write(self._file(model), run(model, curves.points(model.row)))

    def _file(self, model: Model) -> Path:
        return self._folder / model.name / FILE.format(model.version)

    def _columns(self, table: pa.Table) -> dict[Path, bytes]:
        """The file that says what HPARAMS has columns for, what tells most first; none before anything is measured.

        It is a run whose name has its version, since a TensorBoard that is open reads the columns of a run but once.
        """
        measures = measured(table, self._axes)
        goal = goal_of(self._best, measures)
        if goal is None:
            return {}
        apart = {name: table[name].unique().to_pylist() for name in table.column_names if name in self._apart}
        held = columns(self._axes | apart, [*dict.fromkeys([*chosen(measures, goal, ()), *measures])])
        version = hashlib.sha256(held).hexdigest()[:12]
        return {self._folder / f"{COLUMNS}-{version}" / FILE.format(version): held}

    def _write(self, path: Path, held: bytes) -> None:
        if not path.exists():
            atomic_write_bytes(self._folder / UNREAD, held)
            path.parent.mkdir(exist_ok=True)
            os.replace(self._folder / UNREAD, path)

    def _remove(self, runs: str, right: set[Path]) -> None:
        """Takes away those of some runs that are not right: of no model, or of one as it was before."""
        for path in set(self._folder.glob(f"{runs}/{FILE.format('*')}")) - right:
            path.unlink()
            with suppress(OSError):  # other files are somebody's own
                path.parent.rmdir()
