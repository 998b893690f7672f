import io

import numpy as np
import pytest
from PIL import Image

from pyvae.pictures import gif


def frames(data: bytes) -> list[np.ndarray]:
    image = Image.open(io.BytesIO(data))
    out = []
    for k in range(getattr(image, "n_frames", 1)):
        image.seek(k)
        out.append(np.asarray(image.convert("RGB")))
    return out


def test_tiles_go_there_and_back() -> None:
    images = np.linspace(0, 1, 5)[None, :, None] * np.array([1.0, 0.5])[:, None, None] * np.ones((1, 1, 64))
    found = frames(gif(images, (8, 8)))
    assert len(found) == 8 and found[0].shape == (64, 132, 3)
    first = [int(frame[0, 0, 0]) for frame in found]
    assert first == pytest.approx([0, 64, 128, 191, 255, 191, 128, 64], abs=3)
    assert int(found[4][0, 131, 0]) == pytest.approx(128, abs=3)


def test_colour_rows_and_bytes() -> None:
    images = np.zeros((3, 2, 3 * 4 * 6))
    images[:, 1, :24] = 1  # red
    data = gif(images, (3, 4, 6), columns=2)
    found = frames(data)
    assert found[0].shape == (2 * 44 + 4, 2 * 66 + 4, 3) and found[1][0, 0].tolist() == [255, 0, 0]
    assert data == gif(images, (3, 4, 6), columns=2)


def test_images_of_one_step_and_of_no_number() -> None:
    assert len(frames(gif(np.full((1, 1, 4), np.nan), (2, 2)))) == 1


def test_wrong_shapes_are_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"images must have the shape \[R, S, size\], got \[4, 4\]"):
        gif(np.zeros((4, 4)), (2, 2))
    with pytest.raises(ValueError, match=r"shape must be \(H, W\) or \(3, H, W\) of 4, got \(3, 3\)"):
        gif(np.zeros((1, 2, 4)), (3, 3))
    with pytest.raises(ValueError, match=r"columns must be at least 1, got 0"):
        gif(np.zeros((1, 2, 4)), (2, 2), columns=0)
