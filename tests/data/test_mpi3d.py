"""MPI3D in the published layout."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from pyvae.data import MPI3D, mpi3d
from tests.data.published_files import grid, write_mpi3d

SIZES = (2, 2, 1, 2, 2, 2, 3)


@pytest.mark.parametrize("compressed", [False, True])
def test_every_image_is_that_of_its_factors(tmp_path: Path, compressed: bool) -> None:
    images = write_mpi3d(tmp_path, compressed=compressed)
    data = MPI3D(tmp_path / "mpi3d_toy.npz", sizes=SIZES, progress=False)
    assert data.shape == (3, 64, 64) and data.count == 96
    assert [factor.name for factor in data.factors if factor.nominal] == [
        "object color", "object shape", "background color",
    ]  # fmt: skip
    expected = torch.from_numpy(images).permute(0, 3, 1, 2).reshape(96, -1) / 255
    assert torch.equal(data.images(torch.from_numpy(grid(*SIZES))), expected)
    # What is not compressed is read where it lies.
    assert (tmp_path / "mpi3d_toy.images.unpacked.npy").exists() == compressed


def test_sizes_follow_from_the_number_of_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert np.prod(mpi3d.REAL) == 1_036_800 and np.prod(mpi3d.RENDERED) == 460_800  # what the authors publish
    monkeypatch.setattr(mpi3d, "REAL", (2, 2, 1, 2, 2, 2, 3))
    monkeypatch.setattr(mpi3d, "RENDERED", (1, 2, 1, 2, 2, 2, 3))
    for sizes in (mpi3d.REAL, mpi3d.RENDERED):
        write_mpi3d(tmp_path, sizes)
        assert tuple(factor.size for factor in MPI3D(tmp_path / "mpi3d_toy.npz").factors) == sizes


def test_another_file_is_a_sentence_that_says_what_was_expected(tmp_path: Path) -> None:
    path = tmp_path / "mpi3d_real.npz"
    np.savez(path, images=np.zeros((7, 64, 64, 3), np.uint8))
    with pytest.raises(ValueError, match=r"shape \(1036800 or 460800, 64, 64, 3\) and dtype uint8, got shape \(7, 64"):
        MPI3D(path)
    # A header that promises more than follows.
    shape = (1_036_800, 64, 64, 3)
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with pytest.raises(ValueError, match=r"^path must be a whole archive, got .* whose member images is damaged.$"):
        MPI3D(path)


def test_a_missing_file_is_a_sentence_with_the_page(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"mpi3d_real.npz.*https://github.com/rr-learning/disentanglement_dataset"
    ):
        MPI3D(tmp_path / "mpi3d_real.npz")
