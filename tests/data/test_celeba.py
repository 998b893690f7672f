"""CelebA in the published layout: a folder of pictures and a table of attributes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pyvae.data import CelebA
from tests.data.published_files import write_celeba

FILE = "list_attr_celeba.txt"


@pytest.mark.parametrize("inner", [("", ""), ("Anno", "Img")])
def test_every_picture_has_its_attributes(tmp_path: Path, inner: tuple[str, str]) -> None:
    attributes = torch.from_numpy(write_celeba(tmp_path))
    if all(inner):
        for name, folder in zip((FILE, "img_align_celeba"), inner, strict=True):
            (tmp_path / folder).mkdir()
            (tmp_path / name).rename(tmp_path / folder / name)
    data = CelebA(tmp_path, count=12, side=16, progress=False)
    assert [factor.name for factor in data.factors] == ["Bald", "Male", "Young"]
    assert torch.equal(data.labels(), attributes) and torch.equal(data.test_factors(), attributes)
    images = data.test_images(torch.arange(12))
    planes = (20 / 255 * torch.arange(12.0))[:, None].expand(12, 3 * 16**2)
    torch.testing.assert_close(images, planes, atol=2 / 255, rtol=0)  # JPEG loses a little
    # The first picture with the attributes of each.
    first = torch.tensor([(attributes == row).all(1).nonzero()[0, 0] for row in attributes])
    assert torch.equal(data.images(attributes), images[first])


def test_some_attributes(tmp_path: Path) -> None:
    attributes = torch.from_numpy(write_celeba(tmp_path))
    data = CelebA(tmp_path, count=12, side=16, attributes=("Young", "Bald"))
    assert torch.equal(data.labels(), attributes[:, [2, 0]]) and [f.name for f in data.factors] == ["Young", "Bald"]
    for wrong in (("Old",), ("Bald", "Bald")):
        with pytest.raises(ValueError, match=r"^attributes must be different ones of Bald, Male, Young, got"):
            CelebA(tmp_path, count=12, attributes=wrong)


def test_another_folder_is_a_sentence_that_says_what_was_expected(tmp_path: Path) -> None:
    page = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
    with pytest.raises(FileNotFoundError, match=rf"^path must be {FILE} or its folder, got .* at {page}.$"):
        CelebA(tmp_path)
    np.savez(tmp_path / "mine.npz", images=np.zeros((1, 8, 8), np.uint8))
    for other in ("mine.npz", "none"):
        expected = rf"^path must be the folder that holds {FILE} and img_align_celeba, got .*{other}', which is none: "
        with pytest.raises(FileNotFoundError, match=rf"{expected}.* at {page}.$"):
            CelebA(tmp_path / other)
    write_celeba(tmp_path)
    with pytest.raises(
        ValueError, match=rf"^path must be {FILE} with 202599 in its first line, .*got '12' and 12 pict"
    ):
        CelebA(tmp_path)
    good = (tmp_path / FILE).read_text()
    for text in (good.replace("-1", "0", 1), good.replace("000003.jpg", "", 1), good.replace("000003", "../3", 1), ""):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(ValueError, match=rf"^path must be {FILE} with "):
            CelebA(tmp_path, count=12)
    (tmp_path / FILE).write_text(good)
    with pytest.raises(
        ValueError, match=r"^crop must be at most the pictures' sides, 218 and 178 in 000001.jpg, got 200"
    ):
        CelebA(tmp_path, count=12, crop=200)
    (tmp_path / "img_align_celeba" / "000003.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"pictures that can be read, got .*000003.jpg', which is none"):
        CelebA(tmp_path, count=12)
    (tmp_path / "img_align_celeba" / "000003.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=rf"every picture of {FILE}, got none at .*000003.jpg"):
        CelebA(tmp_path, count=12)
    assert not list(tmp_path.rglob("*.npy"))
