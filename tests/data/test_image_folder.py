"""One's own pictures in a folder."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pyvae.data import ImageFolder
from tests.data.published_files import random_images, write_pictures


def test_pictures_come_in_the_order_of_their_names_without_factors(tmp_path: Path) -> None:
    images = random_images(3, 10, 12, 3)
    write_pictures(tmp_path / "mine", images, ["b.png", "a.PNG", "c.bmp"])
    (tmp_path / "mine" / "notes.txt").write_text("no picture")
    data = ImageFolder(tmp_path / "mine", progress=False)
    expected = torch.from_numpy(images[[1, 0, 2]]).permute(0, 3, 1, 2).reshape(3, -1) / 255
    assert data.factors == () and data.shape == (3, 10, 12)
    assert torch.equal(data.test_images(torch.arange(3)), expected)
    grey = ImageFolder(tmp_path / "mine", colour=False, side=8, cache=tmp_path / "cache")
    assert grey.shape == (8, 8) and [path.name for path in (tmp_path / "cache").iterdir()] == [
        "mine.8.grey.unpacked.npy"
    ]


def test_folders_are_the_kinds_of_a_factor(tmp_path: Path) -> None:
    images = random_images(4, 10, 12, 3)
    write_pictures(tmp_path / "mine" / "cats", images[:1], ["1.png"])
    write_pictures(tmp_path / "mine" / "dogs", images[1:], ["1.png", "2.png", "3.png"])
    data = ImageFolder(tmp_path / "mine")
    assert data.factors == (("folder", 2, True),) and data.kinds == ("cats", "dogs")
    assert data.labels().flatten().tolist() == [0, 1, 1, 1]


def test_a_picture_that_changes_is_noticed(tmp_path: Path) -> None:
    images = random_images(2, 10, 12, 3)
    write_pictures(tmp_path / "mine", images, ["1.png", "2.png"])
    before = ImageFolder(tmp_path / "mine").test_images(torch.arange(2))
    write_pictures(tmp_path / "mine", 255 - images[1:], ["2.png"])
    after = ImageFolder(tmp_path / "mine").test_images(torch.arange(2))
    assert torch.equal(before[0], after[0])
    torch.testing.assert_close(after[1], 1 - before[1])


def test_another_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^path must be a folder of pictures, got"):
        ImageFolder(tmp_path / "none")
    with pytest.raises(ValueError, match=r"^path must hold pictures that end in .bmp, .*, got none"):
        ImageFolder(tmp_path)
    write_pictures(tmp_path / "mine", random_images(1, 10, 12, 3), ["1.png"])
    write_pictures(tmp_path / "mine", random_images(1, 10, 11, 3), ["2.png"])
    with pytest.raises(ValueError, match=r"^side must be given for .* sizes, got \(10, 12\) and \(10, 11\) in 2.png"):
        ImageFolder(tmp_path / "mine")
    write_pictures(tmp_path / "mine" / "inner", random_images(1, 10, 12, 3), ["3.png"])
    with pytest.raises(ValueError, match=r"^path must hold pictures itself or in folders, got both"):
        ImageFolder(tmp_path / "mine")


def test_any_kind_of_picture_is_eight_bits(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "mine").mkdir()
    for mode in ("L", "1", "P", "RGBA", "LA"):
        Image.new("RGB", (12, 10), (255, 255, 255)).convert(mode).save(tmp_path / "mine" / f"{mode}.png")
    images = ImageFolder(tmp_path / "mine").test_images(torch.arange(5))
    assert torch.equal(images, torch.from_numpy(np.ones((5, 360), np.float32)))


@pytest.mark.parametrize("kind", ["uint16", "int32", "float32"])
def test_pictures_of_wider_numbers_are_refused(tmp_path: Path, kind: str) -> None:
    """Pillow would cut them to 255."""
    from PIL import Image

    (tmp_path / "mine").mkdir()
    Image.fromarray(np.arange(80, dtype=kind).reshape(8, 10) * np.array(800, kind)).save(tmp_path / "mine" / "1.tif")
    for colour in (False, True):
        with pytest.raises(
            ValueError, match=r"^path must hold pictures of 8 bits a channel, got .*1\.tif' of Pillow's"
        ):
            ImageFolder(tmp_path / "mine", colour=colour)
