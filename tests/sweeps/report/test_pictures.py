"""Panes: that a model's pictures are its own, of images of any kind, and a sentence where there are none."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pyvae.losses import BernoulliReconstruction
from pyvae.pages.run import open_run
from pyvae.pages.sheet import How, material
from pyvae.pictures import reconstruction
from pyvae.plotting.pixels import strip
from pyvae.studies import study_named
from pyvae.studies.folder import checkpoints_in, claimed
from pyvae.sweeps.names import RUN
from pyvae.sweeps.report.pictures import Artist, panes
from pyvae.sweeps.report.show import Show
from pyvae.training import train
from tests.sweeps.report.sweeps import of, opened

SHOW = Show(images=4, latents=2, points=30)


def images(text: str) -> list[bytes]:
    return [base64.b64decode(data) for data in re.findall(r"data:image/png;base64,([^\"]+)", text)]


def test_each_pane_has_the_pictures_of_its_own_model(tmp_path: Path, run: Path) -> None:
    held = opened(tmp_path, {"strengths": [1, 2, 4], "seeds": [0, 1]}, of(lambda strengths, seeds: seeds), run=run)
    titles = {3: "three", 0: "nought"}
    text = panes(held, titles, ["mig"], SHOW)
    assert re.findall(r'<details class="pane" id="([^"]*)"><summary>(.*?)<', text) == [
        ("model-3", "three"),
        ("model-0", "nought"),
    ]
    assert f"Cell {held.cell(3)}, beta 2, seed 1: mig 1." in text
    found = images(text)
    assert len(found) == 2 * (2 + SHOW.latents) and found[0] == found[4] and found[1] != found[5]
    members = {(member.cell.strength, member.cell.seed): member for member in open_run(run).members}
    for png, cell in ((found[1], (2.0, 1)), (found[5], (1.0, 0))):
        shown = material(members[cell].data, How(SHOW.images, SHOW.points)).shown
        assert png == strip(reconstruction(members[cell].model, shown).numpy(), members[cell].data.shape)


def test_labels_say_how_much_a_latent_is_in_use(tmp_path: Path, run: Path) -> None:
    held = opened(tmp_path, {"strengths": [1, 2]}, of(lambda strengths: strengths), run=run)
    text = panes(held, {0: "title"}, [], SHOW)
    usage = [float(kl) for kl in re.findall(r"z\d: KL ([\d.]+) nats", re.sub(r'alt="[^"]*"', "", text))]
    assert len(usage) == SHOW.latents and usage == sorted(usage, reverse=True)


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        (False, "There are no pictures: folder must hold a study"),
        (True, "There are no pictures: none of the models in shard"),
    ],
)
def test_what_is_not_there_is_a_sentence(tmp_path: Path, run: Path, there: bool, sentence: str) -> None:
    held = opened(tmp_path, {"strengths": [1, 16]}, of(lambda strengths: strengths), run=run if there else None)
    assert sentence in panes(held, {1: "title"}, [], SHOW)


def test_images_in_colour_without_factors(tmp_path: Path) -> None:
    colours = np.zeros((60, 12, 20, 3), np.uint8)
    for k, image in enumerate(colours):
        image[2:10, k % 10 * 2 : k % 10 * 2 + 2, k % 3] = 255
    np.savez(tmp_path / "bars.npz", images=colours)
    study = study_named("vae")
    config = study.preset("quick").replaced(
        data="arrays", data_path=str(tmp_path / "bars.npz"), metrics=None, strengths=(1.0,), seeds=(0,), steps=40,
        hidden=(16,), latents=3, batch_size=16, validation_images=16, points=32,
    )  # fmt: skip
    (recipe,) = study.recipes(config).values()
    assert isinstance(recipe.likelihood, BernoulliReconstruction)
    folder = tmp_path / "shards" / "one" / RUN
    with claimed(study, config, folder, resume=False):
        train(recipe, checkpoints=checkpoints_in(folder))
    text = Artist(tmp_path, SHOW).pictures({"shard": "one", "beta": 1.0, "seed": 0})
    first, second, *moving = images(text)
    assert len(moving) == 2
    pixels = np.asarray(Image.open(io.BytesIO(first)))
    assert pixels.shape == (48, 4 * 80 + 3 * 4, 3)  # 12 x 20, enlarged by 4
    assert {tuple(colour) for colour in pixels[:, :80].reshape(-1, 3)} <= {
        (0, 0, 0),
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
    }
    assert np.asarray(Image.open(io.BytesIO(second))).shape == pixels.shape
