"""Parts of configs that studies share, and what follows from them."""

import dataclasses
import io

import numpy as np
import pytest
import torch
from rich.console import Console

from pyvae.data import Sprites
from pyvae.studies import StudyError, config, study_named
from pyvae.studies.config import DataSettings, dataset_size, reference_beta
from pyvae.studies.run import run_study
from pyvae.training import TrainingSettings


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


def test_the_size_of_a_data_set_is_its_images_or_what_a_run_draws() -> None:
    training = TrainingSettings(steps=10, batch_size=64, validation_images=32)
    assert dataset_size(64, training) == 64 and dataset_size(737_280, training) == 737_280
    assert dataset_size(None, training) == 640
    assert dataset_size(None, dataclasses.replace(training, validation_images=1000)) == 1000


@pytest.mark.parametrize("name", ["agreement", "biased-sprites"])
@pytest.mark.parametrize("settings", [{"batch_size": 129}, {"validation_images": 129}])
def test_fewer_images_than_are_taken_at_a_time_claim_no_folder(tmp_path, name, settings) -> None:
    study = study_named(name)
    given = {"sizes": (2, 2, 2, 4, 4), "side": 8, "batch_size": 16, "validation_images": 16, **settings}
    config, out = study.preset("quick").replaced(**given), tmp_path / "out"
    sentence = "batch_size and validation_images must be at most the number of images that data has, 128, got "
    with pytest.raises(StudyError, match=f"{sentence}{given['batch_size']} and {given['validation_images']}$"):
        run_study(study, config, out, console=Console(file=io.StringIO()))
    assert not out.exists()


@pytest.mark.parametrize(
    ("betas", "reference"), [((8, 1), 1), ((8, 2), 2), ((2, 0.5), 0.5), ((0, 4), 4), ((0,), 0), ((0.1, 20), 0.1)]
)
def test_the_reference_is_the_beta_nearest_to_one_in_ratio(betas, reference) -> None:
    assert reference_beta(betas) == reference


def test_a_file_that_is_missing_is_a_sentence_for_the_user(tmp_path) -> None:
    with pytest.raises(StudyError, match=r"none\.npz"):
        DataSettings("arrays", str(tmp_path / "none.npz")).open()
