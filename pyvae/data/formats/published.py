"""What a reader expects of a file, and where its authors publish it."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from pyvae.data.arguments import path_of
from pyvae.data.formats.npz import Archive, Header, fault_of


class Published(NamedTuple):
    """A published file: the data set's name, the file's, and the page of its authors."""

    name: str
    file: str
    page: str

    def found(self, path: Path | str) -> Path:
        """The file at `path`, or of its published name in the folder `path`.

        Raises TypeError for what is no path, FileNotFoundError where there is none.
        """
        path = path_of("path", path)
        file = path / self.file if path.is_dir() else path
        if not file.is_file():
            raise FileNotFoundError(self._sentence(f"{self.file} or its folder", f"{str(path)!r}, where it is not"))
        return file

    def folder(self, path: Path | str, holding: str) -> Path:
        """The folder at `path`, of a data set of several files.

        Raises TypeError for what is no path, FileNotFoundError where there is none.
        """
        path = path_of("path", path)
        if not path.is_dir():
            raise FileNotFoundError(self._sentence(f"the folder that holds {holding}", f"{str(path)!r}, which is none"))
        return path

    def archive(self, path: Path | str) -> Archive:
        """The .npz archive at `path`; errors as `found`, and ValueError for a file of another kind."""
        file = self.found(path)
        try:
            return Archive(file)
        except ValueError as error:
            raise self.refusal("arrays in the .npz format", f"{str(file)!r} {fault_of(file)}") from error

    def check_member(self, archive: Archive, name: str, expected: str, fits: Callable[[Header], bool]) -> Header:
        """The header of a member.

        Raises ValueError, which says what was expected, where there is none or it does not fit.
        """
        if name not in archive.names:
            raise self.refusal(expected, f"one with {', '.join(archive.names) or 'nothing'}")
        header = archive.header(name)
        if not fits(header):
            raise self.refusal(expected, str(header))
        return header

    def refusal(self, expected: str, got: str) -> ValueError:
        """The error of a file with other content."""
        return ValueError(self._sentence(f"{self.file} with {expected}", got))

    def _sentence(self, expected: str, got: str) -> str:
        return f"path must be {expected}, got {got}: its authors publish {self.name} at {self.page}."


def extra(module: str, what: str) -> ModuleType:
    """A module of the extra `data`.

    Raises ModuleNotFoundError that names the extra where it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        name = module.partition(".")[0]
        raise ModuleNotFoundError(f"{what} needs {name}: pip install 'pyvae-torch[data]'.", name=error.name) from error
