"""The digits that scikit-learn brings."""

import pytest
import torch
from sklearn.datasets import load_digits

from pyvae.data import Digits


def test_every_image_has_its_digit() -> None:
    data, found = Digits(), load_digits()
    assert data.shape == (8, 8) and data.count == 1797
    assert torch.equal(data.test_images(torch.arange(1797)), torch.from_numpy(found.data / 16).float())
    assert torch.equal(data.labels()[:, 0], torch.from_numpy(found.target))
    first = [int((found.target == digit).argmax()) for digit in range(10)]
    assert torch.equal(data.images(torch.arange(10)[:, None]), data.test_images(torch.tensor(first)))


def test_draws_are_uniform_over_images() -> None:
    data = Digits()
    drawn = data.draw(40_000, {"factors": torch.tensor([1])})
    shares = torch.bincount(drawn.factors.flatten(), minlength=10) / 40_000
    expected = torch.bincount(data.labels().flatten()) / 1797
    assert (shares - expected).abs().max() < 5 * (0.1 / 40_000) ** 0.5


def test_a_digit_that_is_none_has_no_image() -> None:
    with pytest.raises(ValueError, match=r"^factors must be those of an image, got \[10.0\], which none has$"):
        Digits().images(torch.tensor([[10]]))
    with pytest.raises(ValueError, match=r"^factors must have shape \[..., 1\], got \[2\]$"):
        Digits().images(torch.tensor([3, 4]))
