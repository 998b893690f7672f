"""Cars3D in the published layout: a tar archive of MATLAB's files, objects in the order of its list."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pyvae.data import Cars3D
from tests.data.published_files import grid, write_cars3d

SIZES = (2, 3, 4)
FILE = "nips2015-analogy-data.tar.gz"


@pytest.mark.parametrize("name", [FILE, "cars.tar"])
def test_every_image_is_that_of_its_factors(tmp_path: Path, name: str) -> None:
    images = write_cars3d(tmp_path, SIZES, name)
    data = Cars3D(tmp_path / name, sizes=SIZES, progress=False)
    assert [(factor.name, factor.size) for factor in data.factors] == [("elevation", 2), ("azimuth", 3), ("object", 4)]
    assert data.shape == (3, 128, 128) and data.count == 24
    expected = torch.from_numpy(images).reshape(24, 128, 128, 3).permute(0, 3, 1, 2).reshape(24, -1) / 255
    assert torch.equal(data.images(torch.from_numpy(grid(*SIZES))), expected)
    assert torch.equal(data.test_images(torch.arange(24)), expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"{name.split('.')[0]}.128.unpacked.npy"])


def test_another_side_is_that_of_pillow_and_a_file_of_its_own(tmp_path: Path) -> None:
    images = write_cars3d(tmp_path, SIZES)
    Cars3D(tmp_path, sizes=SIZES)
    small = Cars3D(tmp_path, sizes=SIZES, side=64)
    expected = np.asarray(Image.fromarray(images[1, 2, 3]).resize((64, 64), Image.Resampling.LANCZOS))
    got = small.images(torch.tensor([1, 2, 3])).reshape(3, 64, 64)
    assert torch.equal(got, torch.from_numpy(expected.copy()).permute(2, 0, 1) / 255)
    assert len(list(tmp_path.glob("*.npy"))) == 2


def test_another_file_is_a_sentence_that_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=rf"^path must be {FILE} or its folder.*at http://www.scottreed.info.$"):
        Cars3D(tmp_path)
    write_cars3d(tmp_path, SIZES)
    with pytest.raises(ValueError, match=r"with 183 members data/cars/car_NNN_mesh.mat, got 4 of them"):
        Cars3D(tmp_path)
    with pytest.raises(ValueError, match=r"variable im of shape \(128, 128, 3, 2, 3\) and dtype uint8 in .*got shape"):
        Cars3D(tmp_path, sizes=(3, 2, 4))
    whole = (tmp_path / FILE).read_bytes()
    for content in (b"no archive", whole[: len(whole) // 2]):
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(ValueError, match=r"members in a whole tar archive, got .* of another kind or damaged"):
            Cars3D(tmp_path, sizes=SIZES)
    with tarfile.open(tmp_path / FILE, "w:gz") as archive:
        for number in range(4):
            member = tarfile.TarInfo(f"data/cars/car_{number:03d}_mesh.mat")
            member.size = 7
            archive.addfile(member, io.BytesIO(b"garbage"))
    with pytest.raises(ValueError, match=r"with files of MATLAB 5, got data/cars/car_000_mesh\.mat of another kind"):
        Cars3D(tmp_path, sizes=SIZES)
    assert not list(tmp_path.glob("*.npy")) and not list(tmp_path.glob(".*"))
