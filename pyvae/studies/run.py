"""A study from config to report in one output folder: train, evaluate, figures, report, each from what the
last saved.
"""

import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from rich.console import Console

from pyvae.errors import Interrupted
from pyvae.files import atomic_path
from pyvae.settings import Config
from pyvae.studies.about import note, note_device, timed
from pyvae.studies.errors import StudyError
from pyvae.studies.folder import CURVES, checkpoints_in, claimed
from pyvae.studies.memory import check_models_fit, memory_told
from pyvae.studies.progress import EvaluationProgress
from pyvae.studies.study import ALONE, Study
from pyvae.training import Recipe, Trained
from pyvae.training.cohorts import check_ways, train_all
from pyvae.training.curves import Curves
from pyvae.training.device import device_named, told_device
from pyvae.training.progress import TrainingProgress


@memory_told()
def run_study(
    study: Study[Any],
    config: Config,
    out: Path | str,
    *,
    resume: bool = False,
    device: str = "cpu",
    console: Console | None = None,
) -> Path:
    """Runs the study in folder `out` and returns the path of its report. Models are trained on `device`, and measured
    on the CPU.

    With `resume` a study that was stopped or killed goes on from its last checkpoint, and ends with the same
    bits on the same device; on an empty folder it starts. Raises StudyError when the folder holds another study, or
    this one and `resume` is not set, when another process is at work in it, when memory is not enough, and, after the
    report, when nothing can be learned from the run; UserError for a device that is not there or on which the run
    cannot go on; Interrupted after SIGINT or SIGTERM, with what was done kept.
    """
    out, console = Path(out), console or Console()
    recipes = study.recipes(config)  # refuses what cannot be trained before a folder is claimed for it
    check_models_fit(recipes)
    on = device_named(device)
    for group in recipes:
        check_ways(checkpoints_in(out, group), on)
    with claimed(study, config, out, resume=resume), stop_on_signal(console) as stop:
        try:
            train_and_evaluate(study, config, out, device=on, console=console, stop=stop)
            if stop.is_set():
                raise Interrupted("stopped before drawing, all results are kept")
        except Interrupted as interrupted:
            where = [] if on.type == "cpu" else ["--device", device]
            command = shlex.join(["pyvae", "study", study.name, "--out", str(out), "--resume", *where])
            raise Interrupted(f"{interrupted}; go on with: {command}") from None
        console.print("drawing figures and report")
        study.draw(out)
        page = study.report(out)
    if hopeless := study.hopeless(out):
        raise StudyError(f"{hopeless}; report: {page}")
    return page


def train_and_evaluate(
    study: Study[Any],
    config: Config,
    out: Path,
    *,
    device: torch.device | str = "cpu",
    console: Console,
    stop: threading.Event,
    shown: Callable[[Console], TrainingProgress] = TrainingProgress,
    threads: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Trains and measures a study in a folder that is claimed for it, unless what is saved of it is there already.
    `threads` is entered to measure: what torch computes by two threads may have other last digits than by one.

    Raises Interrupted soon after `stop` is set, with what was done kept.
    """
    if all((out / name).exists() for name in study.saved):
        return
    recipes, device = study.recipes(config), torch.device(device)
    for warning in dict.fromkeys(recipe.warning for recipe in recipes.values() if recipe.warning):
        print(f"pyvae: warning: {warning}", file=sys.stderr)
    with timed(out, "training"):
        trained = _train(recipes, out, device, console, stop, shown)
    ways = sorted({way for group in trained.values() for way in group.stepping})
    note(out, **{"steps by": ", ".join(ways)})
    with timed(out, "evaluation"), EvaluationProgress(console, stop) as progress, threads():
        study.evaluate(trained, config, out, progress)


def _train(
    recipes: Mapping[str, Recipe],
    out: Path,
    device: torch.device,
    console: Console,
    stop: threading.Event,
    shown: Callable[[Console], TrainingProgress],
) -> dict[str, Trained]:
    """The groups, one after the other; curves of all that are there are saved with every checkpoint."""
    done: dict[str, Trained] = {}
    tables: dict[str, pa.Table] = {}
    for number, (group, recipe) in enumerate(recipes.items()):

        def save_curves(curves: Curves, group: str = group, recipe: Recipe = recipe) -> None:
            tables[group] = curves.table(recipe.cells, recipe.axes)
            _write_table(out / CURVES, joined(tables))
            note_device(out, told_device(device))  # here, so that a device on which no step was taken is not named

        if group != ALONE:
            console.print(f"group {number + 1} of {len(recipes)}: {group}", highlight=False)
        with shown(console) as progress:
            done[group] = train_all(
                recipe,
                checkpoints_in(out, group),
                device=device,
                progress=progress,
                should_stop=stop.is_set,
                on_checkpoint=save_curves,
            )
        tables[group] = done[group].curves.table(done[group].cells, recipe.axes)
    _write_table(out / CURVES, joined(tables))
    return done


def joined(tables: Mapping[str, pa.Table]) -> pa.Table:
    """Tables of groups of models as one, the group's name first where it has one; what a group lacks is null."""
    named = [
        table if group == ALONE else table.add_column(0, "group", pa.array([group] * len(table), pa.string()))
        for group, table in tables.items()
    ]
    return pa.concat_tables(named, promote_options="default")


def _write_table(path: Path, table: pa.Table) -> None:
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)


@contextmanager
def stop_on_signal(console: Console) -> Iterator[threading.Event]:
    """An event that the first SIGINT or SIGTERM sets; a second one interrupts at once. Handlers are put back
    at the end.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread may set handlers
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        console.print("stopping after this step (once more: at once)")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
