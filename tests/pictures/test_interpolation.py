import pytest
import torch

from pyvae.pictures import interpolation
from tests.pictures.linear import Linear, images


def test_a_linear_model_mixes_images() -> None:
    first, second = images(3), images(6)[3:]
    found = interpolation(Linear(size=6), first, second, steps=5)
    assert found.shape == (3, 5, 6)
    for k in range(5):
        torch.testing.assert_close(found[:, k, :2], torch.lerp(first, second, k / 4)[:, :2])


def test_wrong_arguments_are_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"second must have the shape of first, \[2, 6\], got \[1, 6\]"):
        interpolation(Linear(), images(2), images(1))
    with pytest.raises(ValueError, match=r"steps must be at least 2, got 1"):
        interpolation(Linear(), images(2), images(2), steps=1)
