"""Images unpacked to a file: whole or absent, found again, replaced when stale, never over another's file."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from pyvae.data.formats.unpacked import Blocks, Unpacking

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 3, 4), dtype=np.uint8)


class Usage(NamedTuple):
    free: int


def unpacking(folder: Path, identity: str = "one", images: np.ndarray = IMAGES, error: BaseException | None = None):
    def blocks() -> Iterator[Blocks]:
        for first in (6, 0, 3):
            yield first, images[first : first + (4 if first == 6 else 3)]
            if error is not None and first == 0:
                raise error

    return Unpacking(folder / "source", "images.npy", identity, images.shape, blocks, 3)


def test_blocks_come_in_any_order(tmp_path: Path) -> None:
    for cache in (True, False, tmp_path / "elsewhere", str(tmp_path / "text")):
        assert np.array_equal(unpacking(tmp_path).open(cache, progress=False), IMAGES)
    assert np.array_equal(np.load(tmp_path / "images.npy"), IMAGES)


def test_what_is_there_is_not_read_again(tmp_path: Path) -> None:
    unpacking(tmp_path).open(True, progress=False)
    again = unpacking(tmp_path, error=AssertionError("read again")).open(True, progress=False)
    assert np.array_equal(again, IMAGES)


def test_another_source_or_a_damaged_file_is_unpacked_anew(tmp_path: Path) -> None:
    unpacking(tmp_path).open(True, progress=False)
    path = tmp_path / "images.npy"
    other = 255 - IMAGES
    assert np.array_equal(unpacking(tmp_path, "two", other).open(True, progress=False), other)
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + whole[220:])
    assert np.array_equal(unpacking(tmp_path, "two", other).open(True, progress=False), other)


@pytest.mark.parametrize("cut", [1, 30, 87, 89, 150, 208, 230])
def test_a_file_that_was_cut_short_is_unpacked_anew(tmp_path: Path, cut: int) -> None:
    unpacking(tmp_path).open(True, progress=False)
    path = tmp_path / "images.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert np.array_equal(unpacking(tmp_path).open(True, progress=False), IMAGES)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("cut", [88, 336])
def test_what_may_be_someone_elses_though_cut_is_left_alone(tmp_path: Path, cut: int) -> None:
    """All images and no trailer, as another program writes them, and nothing."""
    unpacking(tmp_path).open(True, progress=False)
    path = tmp_path / "images.npy"
    left = path.read_bytes()[:-cut]
    path.write_bytes(left)
    with pytest.raises(ValueError, match=r"^cache must not hold another's file .*images.npy'"):
        unpacking(tmp_path).open(True, progress=False)
    assert path.read_bytes() == left


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("damaged")])
def test_an_interruption_leaves_nothing_or_what_was_there(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        unpacking(tmp_path, error=error).open(True, progress=True)
    assert list(tmp_path.iterdir()) == []
    unpacking(tmp_path).open(True, progress=False)
    before = (tmp_path / "images.npy").read_bytes()
    with pytest.raises(type(error)):
        unpacking(tmp_path, "two", error=error).open(True, progress=False)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


def test_a_file_of_someone_elses_is_left_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    before = (tmp_path / "images.npy").read_bytes()
    with pytest.raises(
        ValueError, match=r"^cache must not hold another's file .*images.npy': move it, or name another"
    ):
        unpacking(tmp_path).open(True, progress=False)
    assert (tmp_path / "images.npy").read_bytes() == before


def test_room_and_rights_are_looked_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        ValueError, match=r"^cache must be a folder, got .*file': name another folder, or False to hold"
    ):
        unpacking(tmp_path).open(tmp_path / "file", progress=False)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ValueError, match=r"^cache must be a folder to write to, got"):
        unpacking(tmp_path).open(True, progress=False)
    monkeypatch.undo()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(100))
    with pytest.raises(
        ValueError, match=r"^cache must have room for 0.00 GB of images, got .* with 0.00 GB: name another"
    ):
        unpacking(tmp_path).open(True, progress=False)


def test_progress_is_shown_to_those_who_ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unpacking(tmp_path).open(False, progress=False)
    assert capsys.readouterr().err == ""
    unpacking(tmp_path).open(False, progress=True)
    assert "unpacking source" in capsys.readouterr().err
