"""A sweep from its config to its table in one folder: pack, train and measure, merge.

The same call goes on where the last one ended, however it ended: what is finished is never computed again.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

import pyvae
from pyvae.errors import Interrupted
from pyvae.files import atomic_write_text
from pyvae.report.answer import counted
from pyvae.studies.run import stop_on_signal
from pyvae.sweeps.coordinator import Coordinator, Limits, told
from pyvae.sweeps.display import Display
from pyvae.sweeps.engines.engine import Workers
from pyvae.sweeps.engines.local import Local
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.folder import Shards, SweepFolder, claimed, examined, shard_id
from pyvae.sweeps.logs import logs_named
from pyvae.sweeps.names import FOLDER, REPORT, RESULTS, WAYS
from pyvae.sweeps.planning.packing import blocks, split
from pyvae.sweeps.planning.plan import Cell, Plan, SweepConfig
from pyvae.sweeps.sizing import Size, free_memory, sized
from pyvae.sweeps.table.results import counts, load_results
from pyvae.training.choice import Ways, found_here


def run_sweep(
    config: SweepConfig,
    out: Path | str,
    *,
    engine: Workers | None = None,
    shard_size: int | None = None,
    retry_failed: bool = False,
    limits: Limits | None = None,
    log: Sequence[str] = (),
    console: Console | None = None,
) -> Path:
    """Runs what is open of the sweep in folder `out`, and returns the path of the page that tells what came of it.

    Args:
        config: what to run.
        out: a new or empty folder, or one that holds this sweep, which then goes on and may have grown.
        engine: who works at it; by default processes of this machine, as many as torch has threads.
        shard_size: cells that are trained together at most; measured by default.
        retry_failed: tries once more what was given up.
        limits: how often a worker may die at the same place, and how many cells may fail.
        log: programs that show it while it runs, by name: "tensorboard". Also of what was done before.

    Raises:
        SweepError: for a config that cannot be run, a folder that is another's, a log whose package is not installed,
            and, once all that could be done is done, where cells have failed or the disk is full.
        Interrupted: after SIGINT or SIGTERM, with what was done kept.
    """
    console, engine, kept = console or Console(), engine or Local(), logs_named(log)
    with claimed(out, config) as (folder, plan), stop_on_signal(console) as stop:
        if retry_failed and (again := folder.forget_failures()):
            console.print(f"{again} that had failed are tried once more", highlight=False)
        ways = ways_of(folder, console)
        pack(folder, plan, engine.slots, shard_size, console)
        open_shards = {name: len(cells) for name, cells in _open(folder).items()}
        before = {"finished": _cells_of(folder, folder.is_finished), "failed": _cells_of(folder, folder.has_failed)}
        cells = {cell.id: cell for cell in plan.cells}
        known = (
            load_results(folder.path) if config.best is not None else None
        )  # of thousands of cells it takes a second
        display = Display(
            console, open_shards, **before, best=config.best, results=known,
            named=lambda cell: f"cell {cell}: {told(cells[cell])}",
        )  # fmt: skip
        if before["finished"]:
            console.print(f"{counted(before['finished'], 'cell')} finished before stay as they are", highlight=False)
        logs = [opened(folder.path) for opened in kept]
        workers = engine.opened(folder.path)
        coordinator = Coordinator(folder, plan, ways, workers, display, limits or Limits(), logs)
        try:
            with display:
                coordinator.run(stop)
        finally:
            workers.close()
            if folder.exists():
                coordinator.end()
        stopped = stop.is_set() and bool(_open(folder))
        if coordinator.why_stopped is None:
            console.print(counts(folder.path).told, highlight=False)
            if not stopped:
                _report(folder, console)
        _told_end(folder, plan, coordinator, stopped=stopped)
    return folder.path / REPORT


def planned(config: SweepConfig, out: Path | str) -> str:
    """What a start would find and do, in a sentence; nothing changes. Raises SweepError as `run_sweep` does, and opens
    data, whose errors are those of a study.
    """
    folder, plan, goes_on = examined(out, config)
    models = sum(
        len(recipe.cells)
        for block in blocks(plan, plan.cells)
        for recipe in plan.study.recipes(plan.config_of(block)).values()
    )
    of = f", {models} models," if models != len(plan.cells) else ""
    asked = f"{counted(len(plan.cells), 'cell')}{of} of {plan.study.name} over {', '.join(plan.fields)}"
    if not folder.exists():
        return asked
    finished, failed = _cells_of(folder, folder.is_finished), _cells_of(folder, folder.has_failed)
    more = ", and have more to do now," if goes_on and finished else ""
    return f"{asked}; in {folder.path} {finished} of these are finished{more} and {failed} failed"


def _report(folder: SweepFolder, console: Console) -> None:
    from pyvae.sweeps.report import write_report  # with matplotlib, which is slow to import

    console.print("drawing the report", highlight=False)
    write_report(folder.path)


def ways_of(folder: SweepFolder, console: Console) -> Ways:
    """What measurements chose when the sweep was begun: all of its workers choose alike, on whatever machine."""
    path, here = folder.path / WAYS, pyvae.cpu_isa()
    try:
        held = json.loads(path.read_text())
        found, there = Ways(str(held["steps"]), str(held["products"])), str(held["instruction set"])
    except FileNotFoundError:
        # Products of the library that torch has may round a model by its place in the stack; this package's do not.
        found = Ways(found_here().steps, "own")
        atomic_write_text(path, json.dumps({**found._asdict(), "instruction set": here}, indent=1) + "\n")
        return found
    except (ValueError, LookupError, TypeError) as problem:
        raise SweepError(f"{path} is damaged, put back a copy of it: {problem}") from None
    if there != here:
        console.print(
            f"the sweep was begun with {there}, and goes on with {here}: last digits may differ", highlight=False
        )
    return found


def pack(folder: SweepFolder, plan: Plan, slots: int, shard_size: int | None, console: Console) -> None:
    """Puts the cells that are in no shard yet into some."""
    held = folder.shards()
    packed = {cell for cells in held.values() for cell in cells}
    new = [cell for cell in plan.cells if cell.id not in packed]
    if not new:
        return
    todo = blocks(plan, new)
    size = Size(shard_size, {}, 0) if shard_size else sized(plan, todo, slots, free_memory())
    made = _shards(plan, todo, size.cells)
    folder.write_shards({**held, **made})
    told = f"{len(made)} shards of at most {shard_size}" if shard_size else size.told(len(made))
    console.print(f"{counted(len(new), 'cell')} in {told}", highlight=False)


def _shards(plan: Plan, todo: Sequence[list[Cell]], most: int) -> Shards:
    parts = [[cell.id for cell in part] for block in todo for part in split(plan, block, most)]
    return {shard_id(part): part for part in parts}


def _open(folder: SweepFolder) -> Shards:
    return {
        name: cells
        for name, cells in folder.shards().items()
        if not (folder.is_finished(name) or folder.has_failed(name))
    }


def _told_end(folder: SweepFolder, plan: Plan, coordinator: Coordinator, *, stopped: bool) -> None:
    """Raises what a sweep that is not complete ends with."""
    finished, failed = _cells_of(folder, folder.is_finished), _cells_of(folder, folder.has_failed)
    state = f"{finished} of {len(plan.cells)} cells are finished and kept"
    if coordinator.why_stopped is not None:
        raise SweepError(f"the sweep stopped, because {coordinator.why_stopped}; {state}, the same command goes on")
    if stopped:
        raise Interrupted(f"stopped; {state}, and those begun as far as they are: the same command goes on")
    if failed:
        raise SweepError(
            f"{failed} of {len(plan.cells)} cells failed, for reasons that {folder.path / RESULTS} and the logs under "
            f"{folder.path / FOLDER} have; {state}, --retry-failed tries the others once more"
        )


def _cells_of(folder: SweepFolder, has: Callable[[str], bool]) -> int:
    return sum(len(cells) for name, cells in folder.shards().items() if has(name))
