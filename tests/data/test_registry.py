"""Data sets by their names."""

from pathlib import Path

import numpy as np
import pytest

from pyvae import data
from pyvae.data import DATA_SETS, Arrays, Digits, Sprites, named
from pyvae.data.registry import reads_files
from tests.data.published_files import random_images


def test_every_data_set_has_a_name() -> None:
    offered = {thing for thing in vars(data).values() if isinstance(thing, type) and hasattr(thing, "draw")}
    assert offered - {data.DataSet, data.ImageTable, data.ImageGrid} == set(DATA_SETS.values())


def test_a_name_its_path_and_settings(tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", random_images(5, 4, 4))
    arrays = named("arrays", tmp_path / "mine.npy", cache=False)
    assert isinstance(arrays, Arrays) and arrays.count == 5
    assert isinstance(named("digits"), Digits) and named("sprites", side=16) == Sprites(side=16)


def test_what_does_not_fit_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^name must be one of arrays, block-grid, .*, sprites, got 'mnist'$"):
        named("mnist")
    with pytest.raises(ValueError, match=r"^path must be given for dsprites, got None$"):
        named("dsprites")
    with pytest.raises(ValueError, match=r"^path must not be given for digits, got"):
        named("digits", tmp_path)
    with pytest.raises(ValueError, match=r"^settings of digits must be among none, got side$"):
        named("digits", side=8)
    with pytest.raises(ValueError, match=r"^settings of dsprites must be among sizes, cache, progress, got side$"):
        named("dsprites", tmp_path, side=8)


@pytest.mark.parametrize(
    "name, settings, sentence",
    [
        ("image-folder", {"side": (16, 16)}, r"side must be a whole number, got \(16, 16\)"),
        ("image-folder", {"side": "16"}, "side must be a whole number, got '16'"),
        ("celeba", {"crop": 10.5}, "crop must be a whole number, got 10.5"),
        ("celeba", {"side": None}, "side must be a whole number, got None"),
        ("cars3d", {"side": (16, 16)}, "side must be a whole number"),
        ("small-norb", {"side": (16, 16)}, "side must be a whole number"),
        ("sprites", {"side": (16, 16)}, "side must be a whole number"),
        ("sprites", {"colours": True}, "colours must be a whole number, got True"),
        ("sprites", {"sizes": 3}, "sizes must be 5 whole numbers, of shape, scale, orientation, x, y, got 3"),
        ("block-grid", {"blocks": (2, 2)}, "blocks must be a whole number"),
        ("mpi3d", {"sizes": 3}, "sizes must be 7 whole numbers, of object color, .*, got 3"),
        ("dsprites", {"sizes": (3, 6, 40, 32, 32.0)}, "sizes must be 5 whole numbers, .*, got"),
        ("shapes3d", {"sizes": 3}, "sizes must be 6 whole numbers"),
    ],
)
def test_settings_of_another_type_are_a_sentence(
    name: str, settings: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match=rf"^{sentence}"):
        named(name, tmp_path if reads_files(name) else None, **settings)
