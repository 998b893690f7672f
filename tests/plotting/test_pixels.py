import io

import numpy as np
import pytest
from PIL import Image

from pyvae.plotting.pixels import GAP, LEAST, enlarged, strip


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_small_images_are_enlarged_by_a_whole_number() -> None:
    found = enlarged(np.arange(6.0)[None], (2, 3))
    assert found.shape == (1, 2 * 22, 3 * 22)
    assert len(np.unique(found[0, :22, :22])) == 1
    assert enlarged(np.zeros((1, LEAST * LEAST))).shape == (1, LEAST, LEAST)
    assert enlarged(np.zeros((1, 3, 2, 3 * 80 * 100)), (3, 80, 100)).shape == (1, 3, 2, 80, 100, 3)


@pytest.mark.parametrize("shape", [(8, 8), (3, 8, 4)])
def test_a_strip_is_its_images(shape) -> None:
    size = int(np.prod(shape))
    images = np.linspace(-1, 2, 3)[:, None] * np.ones((3, size))  # black, grey, beyond white
    found = opened(strip(images, shape))
    height, width = LEAST, LEAST * shape[-1] // shape[-2]
    assert found.shape == (height, 3 * width + 2 * GAP, 3)
    assert not found[:, :width].any() and (found[:, -width:] == 255).all()
    assert (found[:, width + GAP : 2 * width + GAP] == 128).all()
    assert tuple(found[0, width]) == (185, 203, 224)  # the tint of the gap


def test_equal_images_give_equal_bytes_and_no_number_the_tint() -> None:
    images = np.full((2, 3, 4), np.nan)
    assert strip(images) == strip(images.copy())
    assert len(np.unique(opened(strip(images)).reshape(-1, 3), axis=0)) == 1
