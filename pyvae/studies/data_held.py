"""That a run, or a sweep, goes on with the very data that it began with: a file of the same name may hold others."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from pyvae.files import atomic_write_text
from pyvae.studies.errors import StudyError

DATA = "data.json"
"""What is known of each file or folder of data, by its path as it was asked for."""
PIECES, PIECE = 64, 1 << 16
"""Of a file's content so many pieces of so many bytes are looked at, evenly spaced: data sets have gigabytes."""


def hold_data(folder: Path, paths: Iterable[str]) -> None:
    """Keeps in `folder` what these files and folders of data are; StudyError where one is not what it was.

    What is not there is left to whoever opens it.
    """
    try:
        held: dict[str, str] = json.loads((folder / DATA).read_text())
    except FileNotFoundError:
        held = {}
    except ValueError as problem:
        raise StudyError(f"{folder / DATA} is damaged, delete it if the data are what they were: {problem}") from None
    found = {path: fingerprint(Path(path)) for path in dict.fromkeys(paths) if Path(path).exists()}
    if changed := [path for path in found if held.get(path, found[path]) != found[path]]:
        raise StudyError(
            f"data_path must hold what it did when {folder} was begun, but {changed[0]} has changed: put it back as it "
            f"was, or choose another folder"
        )
    if found.keys() - held.keys():
        atomic_write_text(folder / DATA, json.dumps({**held, **found}, indent=1) + "\n")


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
