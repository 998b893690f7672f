"""The folder of a run: whose it is, what it holds, and that one process works in it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pyvae.files import (
    TEMPORARY_MARK,
    atomic_write_text,
    exclusive_lock,
    file_in_the_way,
    remove_stale_temporaries,
)
from pyvae.settings import Config
from pyvae.studies import study_named
from pyvae.studies.data_held import hold_data
from pyvae.studies.errors import Busy, StudyError
from pyvae.studies.study import ALONE, Study
from pyvae.training import Checkpoints

CONFIG, CURVES, LOCK = "config.json", "curves.parquet", ".lock"
METRICS = "metrics"
"""Folder of what `pyvae evaluate` and studies know of each model, and start of the names of tables made of it."""
TOLD = ("report.html", "findings.md", "figures/*.png", f"{METRICS}.parquet", f"{METRICS}-*.parquet")
"""What is made of saved results, and of what is known of each model, and so can be made again."""
EARLIER = "biased-grid"
"""The study of configs that name none: there was one only."""


def checkpoints_in(out: Path, group: str = ALONE) -> Checkpoints:
    """Where a run keeps what it trained of a group of models."""
    return Checkpoints(out / "checkpoint" / group)


def study_in(out: Path | str) -> tuple[Study[Any], Config] | None:
    """The study in `out` and its config, or None if it holds none; StudyError when they cannot be read."""
    path = Path(out) / CONFIG
    try:
        text = path.read_text()
        held = json.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, RecursionError) as problem:
        raise StudyError(f"{path} is damaged, it is no JSON: {problem}") from None
    try:
        study = study_named(held.get("study", EARLIER) if isinstance(held, dict) else EARLIER)
        config: Config = study.config.from_json(text)
        return study, config
    except ValueError as problem:
        raise StudyError(f"{path} is not a config of this version: {problem}") from None


@contextmanager
def claimed(study: Study[Any], config: Config, out: Path, *, resume: bool) -> Iterator[None]:
    """Makes sure that `out` is this study's folder, and holds it against other processes.

    Raises StudyError when it or a folder above it is a file, when it holds other files, another study, or this one and
    `resume` is not set, and when another process is at work in it.
    """
    file = file_in_the_way(out)
    if file is not None:
        raise StudyError(f"out must be a folder, but {file} is a file")
    if study_in(out) is None and out.exists() and any(map(_is_foreign, out.iterdir())):
        raise StudyError(f"out must be a new or empty folder, or one that holds a study, but {out} holds other files")
    with ExitStack() as held:
        try:
            held.enter_context(exclusive_lock(out / LOCK))
        except BlockingIOError:
            raise Busy(f"another process is running a study in {out}") from None
        _claim(study, config, out, resume=resume)
        if path := config.values().get("data_path"):
            hold_data(out, [path])
        yield


def _check_growth(study: Study[Any], held: Config, config: Config, out: Path) -> None:
    """Raises StudyError unless a config asks for what another does and for more values of its axes, or more steps."""
    before, now = held.values(), config.values()
    differing = held.differing(config)
    if not {*differing} <= {*study.grows, "steps"}:
        raise _another(held, config, out)
    lacking = [name for name in differing if not _holds(now[name], before[name])]
    if lacking:
        has = " and ".join(f"{name}={held.specs()[name].shown(before[name])}" for name in lacking)
        raise StudyError(
            f"a run can only grow, and the one in {out} has {has}: ask for all of these, or another folder"
        )
    if changed := derived_changes(study, held, config):
        raise StudyError(
            f"the run in {out} cannot grow to other steps: {' and '.join(changed)} of its objective depends on their "
            "number, so that its models would have had another past: choose another folder"
        )


def derived_changes(study: Study[Any], held: Config, config: Config) -> list[str]:
    """Settings of objectives that are derived from those that grow, as the size of a data set without end, and that
    would not stay what they were.
    """
    derived, anew = study.recipes(held), study.recipes(config)
    pairs = [(derived[group].objective_settings, anew[group].objective_settings) for group in derived if group in anew]
    return sorted({name for was, will in pairs for name in will if will[name] != was.get(name)})


def _holds(now: Any, before: Any) -> bool:
    """Whether steps, or the values of an axis, are those that were and more."""
    return set(before) <= set(now) if isinstance(before, tuple) else bool(before <= now)


def _another(held: Config, config: Config, out: Path) -> StudyError:
    fields = ", ".join(held.differing(config))
    return StudyError(f"{out} already holds another study (other {fields}): choose another folder")


def _is_foreign(path: Path) -> bool:
    """Whether a file is none that a study starts with: its lock, or what it is just writing."""
    return path.name != LOCK and TEMPORARY_MARK not in path.name


def _has_trained(study: Study[Any], config: Config, out: Path) -> bool:
    return any(checkpoints_in(out, group).exists() for group in study.recipes(config))


def _remove_results(study: Study[Any], out: Path) -> None:
    """Takes away what would pass for another config's; models, and what is known of each, stay.

    To be called before that config is written, so that a folder never holds a report of other models than its config
    names; the report goes first, so that the same run, if this is interrupted, draws it again from what is saved.
    """
    told = [path for pattern in TOLD for path in sorted(out.glob(pattern))]
    for path in (*told, *(out / name for name in study.saved)):
        path.unlink(missing_ok=True)


def _claim(study: Study[Any], config: Config, out: Path, *, resume: bool) -> None:
    for folder in (out, out / "figures"):
        remove_stale_temporaries(folder)
    held = study_in(out)
    if held is None:
        atomic_write_text(out / CONFIG, config.to_json())
    elif held[0].name != study.name:
        raise StudyError(f"{out} already holds another study, {held[0].name}: choose another folder")
    elif held[1] != config:
        if not resume:
            raise _another(held[1], config, out)
        _check_growth(study, held[1], config, out)
        _remove_results(study, out)
        atomic_write_text(out / CONFIG, config.to_json())
    elif not resume and (_has_trained(study, config, out) or any((out / name).exists() for name in study.saved)):
        raise StudyError(f"{out} already holds this study: add --resume to go on with it, or choose another folder")
