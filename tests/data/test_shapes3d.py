"""3D Shapes in the published layout."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from pyvae.data import Shapes3D
from tests.data.published_files import grid, write_shapes3d

SIZES = (2, 2, 3, 2, 2, 2)


def test_every_image_is_that_of_its_factors(tmp_path: Path) -> None:
    images = write_shapes3d(tmp_path)
    data = Shapes3D(tmp_path, sizes=SIZES, progress=False)
    assert data.shape == (3, 64, 64) and data.count == 96
    assert [factor.name for factor in data.factors if factor.nominal] == ["shape"]
    expected = torch.from_numpy(images).permute(0, 3, 1, 2).reshape(96, -1) / 255
    assert torch.equal(data.images(torch.from_numpy(grid(*SIZES))), expected)
    again = Shapes3D(tmp_path / "3dshapes.h5", sizes=SIZES, cache=False)
    assert torch.equal(again.test_images(torch.arange(96)), expected)


def test_images_are_unpacked_anew_when_the_file_changes(tmp_path: Path) -> None:
    images = write_shapes3d(tmp_path)
    rows = torch.arange(96)
    before = Shapes3D(tmp_path, sizes=SIZES).test_images(rows)
    with h5py.File(tmp_path / "3dshapes.h5", "a") as file:
        file["images"][...] = 255 - images
    after = Shapes3D(tmp_path, sizes=SIZES).test_images(rows)
    torch.testing.assert_close(after, 1 - before)
    assert len(list(tmp_path.glob("*.npy"))) == 1


def test_another_file_is_a_sentence_that_says_what_was_expected(tmp_path: Path) -> None:
    file = tmp_path / "3dshapes.h5"
    page = "https://github.com/google-deepmind/3d-shapes"
    with pytest.raises(FileNotFoundError, match=rf"^path must be 3dshapes.h5 or its folder, got .* at {page}.$"):
        Shapes3D(file)
    file.write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match=rf"datasets images and labels in HDF5, got .* another kind.* at {page}.$"):
        Shapes3D(file, sizes=SIZES)
    good = {"images": np.zeros((96, 64, 64, 3), np.uint8), "labels": grid(*SIZES)}
    for changed, expected in (
        ({"images": good["images"].astype(np.float32)}, "dataset images of shape .* dtype uint8, got .* float32"),
        ({"images": good["images"][1:]}, r"images of shape \(96, 64, 64, 3\) .* got \(95, 64, 64, 3\)"),
        ({"labels": good["labels"][::-1]}, "labels that run through all of sizes"),
        ({"labels": good["labels"][:, :5]}, r"dataset labels of shape \(96, 6\)"),
    ):
        with h5py.File(file, "w") as opened:
            for name, array in {**good, **changed}.items():
                opened[name] = array
        with pytest.raises(ValueError, match=rf"^path must be 3dshapes.h5 with .*{expected}"):
            Shapes3D(file, sizes=SIZES)
    with h5py.File(file, "w") as opened:
        opened["labels"] = good["labels"]
    with pytest.raises(ValueError, match=r"got one with labels"):
        Shapes3D(file, sizes=SIZES)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shapes3d(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ModuleNotFoundError, match=r"^3D Shapes needs h5py: pip install 'pyvae-torch\[data\]'.$"):
        Shapes3D(tmp_path, sizes=SIZES)
