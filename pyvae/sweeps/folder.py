"""The folder of a sweep: whose it is, which shards it has, and what is known of each from the files that are there.

Nothing is kept in memory that the folder does not say, so that whoever dies at any time is replaced by one who reads
it. A shard is finished when its rows.parquet is there, failed when its failure.json is, else open.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pyvae.files import (
    TEMPORARY_MARK,
    atomic_path,
    atomic_write_text,
    exclusive_lock,
    file_in_the_way,
    json_object,
    remove_stale_temporaries,
)
from pyvae.settings import Config
from pyvae.studies.data_held import DATA, check_data, held_in, hold_data
from pyvae.studies.errors import Busy
from pyvae.studies.folder import derived_changes
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import BASE, CELLS, CONFIG, FAILURE, FOLDER, LOCK, ORDER, ROWS, SHARDS, STOP, WAYS
from pyvae.sweeps.planning.given import shown
from pyvae.sweeps.planning.growth import check_growth
from pyvae.sweeps.planning.plan import Plan, SweepConfig, plan_of
from pyvae.sweeps.table.outcomes import read_shards
from pyvae.sweeps.waiting import once_free

PATIENCE_SECONDS = 120.0
"""How long workers are waited for that an earlier start left over: they stop within seconds, with all kept."""

Shards = dict[str, list[str]]
"""The ids of each shard's cells, by the shard's own."""


class SweepFolder:
    """What a sweep's folder says. Only the process that has claimed it writes."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def shard(self, name: str) -> Path:
        """The folder of a shard; its run lies in `run` below."""
        return self.path / FOLDER / name

    def exists(self) -> bool:
        """Whether there is a sweep at all."""
        return (self.path / CONFIG).exists()

    def config(self) -> SweepConfig | None:
        """What the sweep was asked for; None where there is none, SweepError where it cannot be read."""
        held = self._held()
        try:
            asked = {name: value for name, value in held.items() if name != BASE}
            return SweepConfig.from_json(json.dumps(asked)) if held else None
        except ValueError as problem:
            raise SweepError(f"{self.path / CONFIG} is damaged: {problem}") from None

    def base(self) -> dict[str, Any] | None:
        """All settings that cells start from, as presets and defaults were when it was asked; None where it is not
        known.
        """
        found = self._held().get(BASE)
        return found if isinstance(found, dict) else None

    def write_config(self, config: SweepConfig, base: Config) -> None:
        """Keeps both, in one step."""
        held = {**json.loads(config.to_json()), BASE: json.loads(base.to_json())}
        atomic_write_text(self.path / CONFIG, json.dumps(held, indent=2) + "\n")

    def _held(self) -> dict[str, Any]:
        """What sweep.json says; nothing where there is none."""
        path = self.path / CONFIG
        try:
            return json_object(path) or {}
        except ValueError as problem:
            raise SweepError(f"{path} is damaged: {problem}") from None

    def shards(self) -> Shards:
        """Every shard that was made, in the order in which they were."""
        return read_shards(self.path)

    def write_shards(self, shards: Mapping[str, Sequence[str]]) -> None:
        """Keeps which cells are in which shard."""
        atomic_write_text(self.path / SHARDS, json.dumps(shards, indent=0) + "\n")

    def is_finished(self, name: str) -> bool:
        """Whether all cells of a shard are trained and measured."""
        return (self.shard(name) / ROWS).exists()

    def has_failed(self, name: str) -> bool:
        """Whether a shard has been given up."""
        return (self.shard(name) / FAILURE).exists()

    def fail(self, name: str, reason: str, traceback: str, attempts: int) -> None:
        """Gives a shard up."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        held = {"reason": reason, "traceback": traceback, "attempts": attempts, "when": when}
        atomic_write_text(self.shard(name) / FAILURE, json.dumps(held, indent=1) + "\n")

    def forget_failures(self) -> int:
        """Opens the shards that were given up again, and says how many."""
        failed = [name for name in self.shards() if self.has_failed(name)]
        for name in failed:
            (self.shard(name) / FAILURE).unlink()
        return len(failed)

    def replace(self, name: str, parts: Iterable[Sequence[str]]) -> list[str]:
        """Makes shards of parts of a shard's cells, which takes its place, and returns their ids."""
        made = {shard_id(part): list(part) for part in parts}
        self.write_shards({known: cells for known, cells in self.shards().items() if known != name} | made)
        shutil.rmtree(self.shard(name), ignore_errors=True)
        return list(made)


def shard_id(cells: Iterable[str]) -> str:
    """12 hex digits."""
    return hashlib.sha256(" ".join(sorted(cells)).encode()).hexdigest()[:12]


@contextmanager
def claimed(path: Path | str, config: SweepConfig) -> Iterator[tuple[SweepFolder, Plan]]:
    """The sweep's folder, held against other processes, with what is planned in it.

    Of a sweep that has grown, cells that are there go on where they ended. Raises SweepError where the folder, or one
    above it, is a file, holds other files, or a sweep that asked for something else; and while another process is at
    work there.
    """
    folder, plan = _looked_at(Path(path), config)  # refuses what cannot be run before a folder is made for it
    with ExitStack() as held:
        try:
            held.enter_context(exclusive_lock(folder.path / LOCK))
        except BlockingIOError:
            raise SweepError(f"another process is running the sweep in {path}") from None
        remove_stale_temporaries(folder.path)
        _claim(folder, config, plan)
        yield folder, plan


def examined(path: Path | str, config: SweepConfig) -> tuple[SweepFolder, Plan, bool]:
    """What `claimed` would have there, or its refusal, and whether cells that are there would have more to do; nothing
    is held, and nothing changes.
    """
    folder, plan = _looked_at(Path(path), config)
    held = folder.config()
    check_data(held_in(folder.path), folder.path, data_of(plan))
    return folder, plan, held is not None and _check(folder, held, config, plan)


def _looked_at(path: Path, config: SweepConfig) -> tuple[SweepFolder, Plan]:
    file = file_in_the_way(path)
    if file is not None:
        raise SweepError(f"out must be a folder, but {file} is a file")
    folder = SweepFolder(path)
    if not folder.exists() and path.exists() and any(map(_is_foreign, path.iterdir())):
        raise SweepError(f"out must be a new or empty folder, or one that holds a sweep, but {path} holds other files")
    return folder, plan_of(config)


def _claim(folder: SweepFolder, config: SweepConfig, plan: Plan) -> None:
    held = folder.config()
    goes_on = held is not None and _check(folder, held, config, plan)
    hold_data(folder.path, data_of(plan))
    if goes_on:
        _open_again(folder)
    if not _has_cells(folder, plan):
        _write_cells(folder, plan)
    if held != config or folder.base() is None:
        folder.write_config(config, plan.base)  # last: whoever dies before comes here once more


def data_of(plan: Plan) -> list[str]:
    """The files and folders of data that cells are trained on."""
    paths = [plan.base.values().get("data_path"), *(cell.values.get("data_path") for cell in plan.cells)]
    return [path for path in dict.fromkeys(paths) if path]


def _check(folder: SweepFolder, held: SweepConfig, config: SweepConfig, plan: Plan) -> bool:
    """Refuses what is more than growth of the sweep that is there; says whether its cells have more to do."""
    was = plan if held == config else plan_of(held)
    _check_base(folder, was)
    if held == config:
        return False
    check_growth(was, plan)
    return has_more_to_do(was, plan)


def _check_base(folder: SweepFolder, was: Plan) -> None:
    """Refuses to go on where what was asked for means something else by now: presets and defaults are a version's."""
    held, meant = folder.base(), json.loads(was.base.to_json())
    if held is None or held == meant:
        return
    changes = [name for name in {**held, **meant} if held.get(name, ...) != meant.get(name, ...)]
    told = " and ".join(f"{name} was {shown(held.get(name))} and is {shown(meant.get(name))}" for name in changes)
    raise SweepError(
        f"preset {was.base.preset} of {was.study.name} must be what it was when the sweep began, but of this version "
        f"{told}: go on with the version that began it, or choose another folder"
    )


def has_more_to_do(was: Plan, will: Plan) -> bool:
    """Whether cells that are there have more to do: what is new beside them leaves them as they are.

    Raises SweepError where more steps would give them another past.
    """
    if not was.base.differing(will.base):
        return False
    later = {cell.id: cell for cell in will.cells}
    # Of each kind of cell one: what is derived depends on the objective, if on anything that a cell chooses.
    kinds = {tuple(cell.values.get(name) for name in was.base.CHOICES): cell for cell in was.cells}
    for cell in kinds.values():
        configs = was.config_of([cell]), will.config_of([later[cell.id]])
        if changed := derived_changes(was.study, *configs):
            raise SweepError(
                f"steps must stay what they were, because {' and '.join(changed)} of the objective depends on them, so "
                "that cells would have had another past: choose another folder"
            )
    return True


def _open_again(folder: SweepFolder) -> None:
    """Takes away the rows of all shards, so that they go on. Waits for workers that are left over from a start before,
    who would write rows of what was asked then.
    """
    (folder.path / STOP).touch()
    until = time.monotonic() + PATIENCE_SECONDS
    for name in folder.shards():
        shard = folder.shard(name)
        try:
            with once_free(shard, until):
                (shard / ORDER).unlink(missing_ok=True)
                (shard / ROWS).unlink(missing_ok=True)
        except Busy:
            raise SweepError(
                f"workers of an earlier start must end before the sweep can grow, but one is still at {shard}: end it, "
                "and give the same command again"
            ) from None
    (folder.path / STOP).unlink(missing_ok=True)


def _has_cells(folder: SweepFolder, plan: Plan) -> bool:
    """Whether cells.parquet is that of the plan: it may be missing, or of a growth that was never ended."""
    try:
        held = pq.read_table(folder.path / CELLS)
    except (OSError, pa.ArrowException):
        return False
    ids: list[str] = held["cell"].to_pylist() if "cell" in held.column_names else []
    return held.column_names == ["cell", *plan.fields] and ids == [cell.id for cell in plan.cells]


def _write_cells(folder: SweepFolder, plan: Plan) -> None:
    columns: dict[str, Any] = {"cell": pa.array([cell.id for cell in plan.cells], pa.string())}
    for field in plan.fields:
        columns[field] = _column([cell.values.get(field) for cell in plan.cells])
    with atomic_path(folder.path / CELLS) as temporary:
        pq.write_table(pa.table(columns), temporary)


def _column(values: list[Any]) -> pa.Array:
    """Numbers and texts as they are, lists as their text."""
    told = [",".join(map(str, value)) if isinstance(value, tuple) else value for value in values]
    mixed = {type(value) for value in told if value is not None} - {int, float}
    return pa.array([None if value is None else str(value) for value in told] if mixed else told)


def _is_foreign(path: Path) -> bool:
    """Whether a file is none that a sweep starts with: its lock, how it works, or what it is just writing."""
    return path.name not in (LOCK, CELLS, DATA, WAYS, STOP) and TEMPORARY_MARK not in path.name
