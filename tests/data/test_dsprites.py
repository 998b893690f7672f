"""dSprites in the published layout: every image is where its factors say, and another file is refused in a sentence."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pyvae.data import DSprites
from tests.data.published_files import grid, write_dsprites

SIZES = (3, 2, 4, 3, 2)
FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
PAGE = "https://github.com/google-deepmind/dsprites-dataset"


def test_every_image_is_that_of_its_factors(tmp_path: Path) -> None:
    images = write_dsprites(tmp_path)
    data = DSprites(tmp_path, sizes=SIZES, progress=False)
    assert [factor.name for factor in data.factors] == ["shape", "scale", "orientation", "x", "y"]
    assert tuple(factor.size for factor in data.factors) == SIZES and data.factors[0].nominal
    assert data.shape == (64, 64) and data.count == 144
    assert torch.equal(data.images(torch.from_numpy(grid(*SIZES))), torch.from_numpy(images).reshape(144, -1).float())


def test_images_are_unpacked_once_beside_the_file_or_elsewhere_or_not(tmp_path: Path) -> None:
    images = torch.from_numpy(write_dsprites(tmp_path)).reshape(144, -1).float()
    beside = tmp_path / "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.imgs.unpacked.npy"
    rows = torch.arange(144)
    assert torch.equal(DSprites(tmp_path, sizes=SIZES, cache=False).test_images(rows), images) and not beside.exists()
    DSprites(tmp_path, sizes=SIZES, cache=tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / beside.name).exists() and not beside.exists()
    DSprites(tmp_path, sizes=SIZES)
    first = beside.stat()
    assert torch.equal(DSprites(tmp_path / FILE, sizes=SIZES).test_images(rows), images)
    assert beside.stat().st_mtime_ns == first.st_mtime_ns and beside.stat().st_ino == first.st_ino
    assert np.array_equal(np.load(beside).reshape(144, -1), images)


def test_a_missing_file_is_a_sentence_with_its_name_and_page(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no.npz"):
        with pytest.raises(FileNotFoundError, match=rf"^path must be {FILE} or its folder, got .* at {PAGE}.$"):
            DSprites(path)


def test_another_file_is_a_sentence_that_says_what_was_expected(tmp_path: Path) -> None:
    write_dsprites(tmp_path)
    file = tmp_path / FILE
    good = {name: np.load(file)[name] for name in ("imgs", "latents_classes")}

    def refused(expected: str, **changed: object) -> None:
        members = {name: array for name, array in {**good, **changed}.items() if array is not None}
        np.savez_compressed(file, **members)
        with pytest.raises(
            ValueError, match=rf"^path must be {FILE} with .*{expected}.* publish dSprites at {PAGE}\.$"
        ):
            DSprites(file, sizes=SIZES)

    refused("imgs of shape .144, 64, 64. and dtype uint8, got one with latents_classes:", imgs=None)
    refused("dtype uint8, got shape .144, 64, 64. and dtype int16", imgs=good["imgs"].astype(np.int16))
    refused("got shape .143, 64, 64.", imgs=good["imgs"][1:])
    refused("latents_classes of shape .144, 6.*got shape .144, 5.", latents_classes=good["latents_classes"][:, 1:])
    refused("run through all values", latents_classes=good["latents_classes"][::-1])
    refused("imgs of 0 and 1, got pixels of 255", imgs=good["imgs"] * np.uint8(255))
    file.write_bytes(b"no archive at all")
    with pytest.raises(
        ValueError, match=rf"^path must be {FILE} with arrays in the .npz format, got .* another kind: .*"
    ):
        DSprites(file, sizes=SIZES)


def test_sizes_have_a_number_for_each_factor(tmp_path: Path) -> None:
    for sizes in ((3, 2, 4), (3, 2, 0, 3, 2)):
        with pytest.raises(
            ValueError, match=r"^sizes must be 5 numbers of at least 1, of shape, scale, orientation, x, y"
        ):
            DSprites(tmp_path, sizes=sizes)
