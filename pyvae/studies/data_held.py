"""That a run, or a sweep, goes on with the very data that it began with: a file of the same name may hold others."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from pyvae.files import atomic_write_text, json_object
from pyvae.studies.errors import StudyError

DATA = "data.json"
"""What is known of each file or folder of data, by its path as it was asked for."""
PIECES, PIECE = 64, 1 << 16
"""Of a file's content so many pieces of so many bytes are looked at, evenly spaced: data sets have gigabytes."""


class DataProblem(StudyError):
    """Data are not there, or not what they were: nothing that another model would be spared."""


def hold_data(folder: Path, paths: Iterable[str]) -> None:
    """Keeps in `folder` what these files and folders of data are; DataProblem where one that it knows has changed or
    is gone. One that it does not know and that is not there is left to whoever opens it.
    """
    held = held_in(folder)
    check_data(held, folder, paths)
    new = {path: fingerprint(Path(path)) for path in dict.fromkeys(paths) if path not in held and Path(path).exists()}
    if new:
        atomic_write_text(folder / DATA, json.dumps({**held, **new}, indent=1) + "\n")


def held_in(folder: Path) -> dict[str, str]:
    """What the data were, by their paths; StudyError where the file is damaged."""
    path = folder / DATA
    try:
        return json_object(path) or {}
    except ValueError as problem:
        raise StudyError(f"{path} is damaged, delete it if the data are what they were: {problem}") from None


def check_data(held: Mapping[str, str], folder: Path, paths: Iterable[str]) -> None:
    """DataProblem where data that were known when `folder` was begun are gone, or others."""
    for path in dict.fromkeys(paths):
        if path not in held:
            continue
        if not Path(path).exists():
            raise DataProblem(
                f"data_path must hold what it did when {folder} was begun, but there is no {path} now: a relative path "
                "counts from the folder in which the work is done"
            )
        if fingerprint(Path(path)) != held[path]:
            raise DataProblem(
                f"data_path must hold what it did when {folder} was begun, but {path} has changed: put it back as it "
                "was, or choose another folder"
            )


def fingerprint(path: Path) -> str:
    """16 hex digits: of a file its size and pieces of its content, of a folder the names and sizes of what is in it."""
    digest = hashlib.sha256()
    if path.is_dir():
        for part in sorted(path.rglob("*")):
            if part.is_file():
                digest.update(f"{part.relative_to(path)} {part.stat().st_size}\n".encode())
        return digest.hexdigest()[:16]
    size = path.stat().st_size
    digest.update(f"{size}\n".encode())
    last = max(size - PIECE, 0)
    with path.open("rb") as file:
        for at in sorted({last * k // (PIECES - 1) for k in range(PIECES)}):
            file.seek(at, os.SEEK_SET)
            digest.update(file.read(PIECE))
    return digest.hexdigest()[:16]
