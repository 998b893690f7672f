"""Parts of configs that studies share."""

import numpy as np
import pytest
import torch

from pyvae.data import Sprites
from pyvae.studies import StudyError, config
from pyvae.studies.config import DataSettings


def test_sprites_are_held_in_memory_a_byte_a_pixel(monkeypatch) -> None:
    settings = DataSettings(sizes=(3, 2, 4, 2, 2), side=16)
    held, drawn = settings.open(), Sprites((3, 2, 4, 2, 2), 16)
    assert held is settings.open() and held.factors == drawn.factors
    rows = torch.arange(drawn.count)
    assert torch.equal(held.test_factors(), drawn.test_factors())
    assert (held.test_images(rows) - drawn.test_images(rows)).abs().max() <= 0.5 / 255 + 1e-6
    monkeypatch.setattr(config, "MOST_IN_MEMORY", 1000)
    assert DataSettings(sizes=(3, 2, 4, 2, 3), side=16).open() == Sprites((3, 2, 4, 2, 3), 16)


def test_ones_own_images_are_opened_by_their_path(tmp_path) -> None:
    np.savez(tmp_path / "mine.npz", images=np.full((5, 8, 8), 255, np.uint8))
    assert DataSettings("arrays", str(tmp_path / "mine.npz")).open().count == 5


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"data": "arrays"}, "data_path must be the file or folder of arrays, got none"),
        ({"data_path": "x.npz"}, "data_path must be none of sprites, got x.npz"),
        ({"sizes": (3, 4)}, "sizes must be five numbers, got 3, 4"),
        ({"data": "faces"}, "data must be arrays, .* or sprites, got 'faces'"),
    ],
)
def test_what_cannot_be_is_one_sentence(settings, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        DataSettings(**settings)


def test_a_file_that_is_missing_is_a_sentence_for_the_user(tmp_path) -> None:
    with pytest.raises(StudyError, match=r"none\.npz"):
        DataSettings("arrays", str(tmp_path / "none.npz")).open()
