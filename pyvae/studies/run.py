"""A study from config to report in one output folder: train, evaluate, figures, report, each from what the
last saved.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from pyvae.files import atomic_path, atomic_write_text, exclusive_lock, remove_stale_temporaries
from pyvae.studies.biased_grid.evaluate import evaluate, random_baseline
from pyvae.studies.biased_grid.figures.draw import draw
from pyvae.studies.biased_grid.report import write_report
from pyvae.studies.biased_grid.results import save_evaluations
from pyvae.studies.biased_grid.summary import write_summary
from pyvae.studies.config import StudyConfig, differing_fields
from pyvae.training.checkpoint import Checkpoints
from pyvae.training.errors import StudyError, StudyInterrupted
from pyvae.training.progress import TrainingProgress
from pyvae.training.train import Trained, Training, train

EVALUATED_TOGETHER = 16
"""Models of one call of `evaluate`: bounds its memory (each decodes the whole test grid)."""

CONFIG, CURVES = "config.json", "curves.parquet"
EVALUATED = ("results.parquet", "baseline.parquet", "pictures.safetensors", CURVES)
"""What figures and report need; without any of them it is measured again from the checkpoint."""


def run_study(config: StudyConfig, out: Path | str, *, resume: bool = False, console: Console | None = None) -> Path:
    """Runs the study in folder `out` and returns the path of its report.

    With `resume` a study that was stopped or killed goes on from its last checkpoint, and ends with the same
    bits; on an empty folder it starts. Raises StudyError when the folder holds another study, or this one and
    `resume` is not set, or when another process is at work in it; StudyInterrupted after SIGINT or SIGTERM,
    with what was done kept.
    """
    out, console = Path(out), console or Console()
    if out.exists() and not out.is_dir():
        raise StudyError(f"out must be a folder, but {out} is a file")
    if load_config(out) is None and out.exists() and any(path.name != ".lock" for path in out.iterdir()):
        raise StudyError(f"out must be a new or empty folder, or one that holds a study, but {out} holds other files")
    try:
        with exclusive_lock(out / ".lock"):
            _claim(config, out, resume=resume)
            return _run(config, out, console)
    except BlockingIOError:
        raise StudyError(f"another process is running a study in {out}") from None


def load_config(out: Path | str) -> StudyConfig | None:
    """The config of the study in `out`, or None if it holds none; StudyError when it cannot be read."""
    path = Path(out) / CONFIG
    try:
        return StudyConfig.from_json(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as problem:
        raise StudyError(f"{path} is not a config of this version: {problem}") from None


def _claim(config: StudyConfig, out: Path, *, resume: bool) -> None:
    """Makes sure that `out` is this study's folder."""
    for folder in (out, out / "checkpoint", out / "figures"):
        remove_stale_temporaries(folder)
    held = load_config(out)
    if held is None:
        atomic_write_text(out / CONFIG, config.to_json())
    elif held != config:
        fields = ", ".join(differing_fields(held, config))
        raise StudyError(f"{out} already holds another study (other {fields}): choose another folder")
    elif not resume and (_checkpoints(out).exists() or (out / EVALUATED[0]).exists()):
        raise StudyError(f"{out} already holds this study: add --resume to go on with it, or choose another folder")


def _run(config: StudyConfig, out: Path, console: Console) -> Path:
    with stop_on_signal(console) as stop:
        try:
            if not all((out / name).exists() for name in EVALUATED):
                trained = _train(config, out, console, stop)
                _evaluate(trained, config, out, console, stop)
        except StudyInterrupted as interrupted:
            raise StudyInterrupted(f"{interrupted}; go on with: {_resume(out)}") from None
        if stop.is_set():
            raise StudyInterrupted(f"stopped before drawing, all results are kept; go on with: {_resume(out)}")
        console.print("drawing figures and report")
        draw(out)
        write_summary(out)
        return write_report(out)


def _train(config: StudyConfig, out: Path, console: Console, stop: threading.Event) -> Trained:
    def save_curves(training: Training) -> None:
        _write_table(out / CURVES, training.curves.table(training.cells))

    with TrainingProgress(console) as progress:
        return train(
            config,
            checkpoints=_checkpoints(out),
            progress=progress,
            should_stop=stop.is_set,
            on_checkpoint=save_curves,
        )


def _evaluate(trained: Trained, config: StudyConfig, out: Path, console: Console, stop: threading.Event) -> None:
    """Writes curves and results."""
    _write_table(out / CURVES, trained.curves.table(trained.cells))
    evaluations = []
    models = len(trained.cells)
    for start in range(0, models, EVALUATED_TOGETHER):
        if stop.is_set():
            raise StudyInterrupted("stopped while evaluating, training is kept")
        end = min(start + EVALUATED_TOGETHER, models)
        console.print(f"evaluating models {start + 1} to {end} of {models}", highlight=False)
        evaluations.append(
            evaluate(
                trained.model.select(range(start, end)), trained.cells[start:end], config,
                steps=trained.steps[start:end].tolist(), best_steps=trained.best_step[start:end].tolist(),
            )
        )  # fmt: skip
    save_evaluations(out, evaluations, random_baseline(config), config)


def _resume(out: Path) -> str:
    return f"pyvae study --out {out} --resume"


def _checkpoints(out: Path) -> Checkpoints:
    return Checkpoints(out / "checkpoint")


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
