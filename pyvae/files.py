"""Files that are whole or absent: write under a temporary name in the same folder, fsync, rename, fsync the
folder.
"""

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TEMPORARY_MARK = ".partial-"
"""Part of every temporary name; a file with it in its name is left over from a process that died."""


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yields a temporary path to write to; on success it becomes `path` in one step, on an exception it is
    removed.

    The temporary keeps the suffix of `path`, for writers that choose the format by it. Missing folders are
    created. The file may be read by whom the process's umask lets read, also where a writer thinks otherwise
    (safetensors leaves files to their owner).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}{TEMPORARY_MARK}{secrets.token_hex(6)}{path.suffix}")
    try:
        temporary.touch(exist_ok=False)
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)
        _fsync(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _fsync(path.parent)


def atomic_write_bytes(path: Path | str, data: bytes) -> None:
    """Writes `data` as the whole content of `path`, or leaves `path` as it was."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def atomic_write_text(path: Path | str, text: str) -> None:
    """`atomic_write_bytes` of UTF-8 text."""
    atomic_write_bytes(path, text.encode())


def remove_stale_temporaries(folder: Path | str) -> None:
    """Removes what writers that died left in `folder` (not below it). Call it while no other writer can be at
    work.
    """
    for left_over in Path(folder).glob(f".*{TEMPORARY_MARK}*"):
        left_over.unlink(missing_ok=True)


def file_in_the_way(folder: Path | str) -> Path | None:
    """The file that stands where `folder`, or a folder above it, would be; None where none does."""
    folder = Path(folder)
    return next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None)


def json_object(path: Path | str) -> dict[str, Any] | None:
    """What a file of a JSON object holds; None where there is no file, ValueError with what is wrong with another."""
    try:
        held = json.loads(Path(path).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except RecursionError as problem:
        raise ValueError(str(problem)) from None
    if not isinstance(held, dict):
        raise ValueError("it is no JSON object")
    return held


def why_not_writable(path: Path | str) -> str | None:
    """Why no file can be made at `path`, or a folder for it, in the system's words; None where one can.

    It is tried, since permissions tell neither root's nor a file system's: a temporary file in the folder, or in the
    nearest one above it that is there, is gone at once.
    """
    path = Path(path)
    folder = next(parent for parent in path.absolute().parents if parent.is_dir())
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as problem:
        return problem.strerror


def _fsync(path: Path) -> None:
    """Forces a file's content, or a folder's list of names, on to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def exclusive_lock(path: Path | str, *, waits: bool = False) -> Iterator[None]:
    """Holds an advisory lock on `path` (created if missing) that the system gives back when the process ends,
    however.

    Raises BlockingIOError when another process holds it, unless it `waits` until that gives it back.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
