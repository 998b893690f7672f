"""Data sets by their names."""

from pathlib import Path

import numpy as np
import pytest

from pyvae import data
from pyvae.data import DATA_SETS, Arrays, Digits, Sprites, named
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
    with pytest.raises(ValueError, match=r"^name must be a data set, arrays, block-grid, .*, sprites, got 'mnist'$"):
        named("mnist")
    with pytest.raises(ValueError, match=r"^path must be given for dsprites, got None$"):
        named("dsprites")
    with pytest.raises(ValueError, match=r"^path must not be given for digits, got"):
        named("digits", tmp_path)
    with pytest.raises(ValueError, match=r"^settings of digits must be among none, got side$"):
        named("digits", side=8)
    with pytest.raises(ValueError, match=r"^settings of dsprites must be among sizes, cache, progress, got side$"):
        named("dsprites", tmp_path, side=8)
