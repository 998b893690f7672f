"""smallNORB in the published layout: two parts of three files each, whose images are in no order."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pyvae.data import SmallNORB
from tests.data.published_files import grid, norb_bytes, write_small_norb

SIZES = (2, 4, 2, 3, 2)
TRAINING = "smallnorb-5x46789x9x18x6x2x96x96-training"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("camera", [0, 1])
def test_every_image_is_that_of_its_factors(tmp_path: Path, packed: bool, camera: int) -> None:
    images = write_small_norb(tmp_path, SIZES, packed=packed)
    data = SmallNORB(tmp_path, sizes=SIZES, camera=camera, progress=False)
    assert [factor.name for factor in data.factors if factor.nominal] == ["category", "instance", "lighting"]
    assert data.shape == (96, 96) and data.count == 96
    expected = torch.from_numpy(images[..., camera, :, :]).reshape(96, -1) / 255
    assert expected.max() == 1  # bytes above 127 are no negative numbers
    assert torch.equal(data.images(torch.from_numpy(grid(*SIZES))), expected)
    assert torch.equal(data.test_images(torch.arange(96)), expected)


def test_another_side(tmp_path: Path) -> None:
    write_small_norb(tmp_path, SIZES)
    data = SmallNORB(tmp_path, sizes=SIZES, side=64)
    assert data.shape == (64, 64) and data.test_images(torch.arange(3)).shape == (3, 64**2)


def test_arguments_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^camera must lie between 0 and 1, got 2$"):
        SmallNORB(tmp_path, camera=2)
    with pytest.raises(ValueError, match=r"^side must be at least 1, got 0$"):
        SmallNORB(tmp_path, side=0)


def test_another_file_is_a_sentence_that_says_what_was_expected(tmp_path: Path) -> None:
    page = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
    (tmp_path / "mine.mat").touch()
    with pytest.raises(FileNotFoundError, match=r"^path must be the folder that holds -dat.mat, .*mine.mat', which is"):
        SmallNORB(tmp_path / "mine.mat")
    with pytest.raises(FileNotFoundError, match=rf"^path must be {TRAINING}-dat.mat or its folder, got .* at {page}.$"):
        SmallNORB(tmp_path)
    write_small_norb(tmp_path, SIZES)
    with pytest.raises(ValueError, match=r"one image of each combination .* \(5, 10, 9, 18, 6\), got 96 images of"):
        SmallNORB(tmp_path)
    category = tmp_path / f"{TRAINING}-cat.mat"
    good = category.read_bytes()
    for content, expected in (
        (norb_bytes(np.zeros(48, np.uint8)), f"{TRAINING}-cat.mat with rows of shape .* dtype int32, 48 of them, got"),
        (norb_bytes(np.zeros(47, np.int32)), r"48 of them, got shape \(47,\) and dtype int32"),
        (norb_bytes(np.zeros(48, np.int32)), "one image of each combination"),
        (good[:-1], "must hold whole files, got .* ends early"),
        (good[:5], "must hold whole files, got .* ends early"),
        (b"\1" + good[1:], "NORB's binary format, got .* of another kind"),
    ):
        category.write_bytes(content)
        with pytest.raises(ValueError, match=expected):
            SmallNORB(tmp_path, sizes=SIZES)
