"""Grids and tables of images: mixed radices, draws from streams, lookups by factors."""

import numpy as np
import pytest
import torch

from pyvae.data import Factor, ImageGrid, ImageTable
from pyvae.data.bias import Bias, Correlate
from pyvae.data.formats.pixels import Pixels
from pyvae.data.image_table import grid_factors
from tests.data.published_files import grid

SIZES = (2, 1, 5, 3)
FACTORS = grid_factors(("a", "b", "c", "d"), SIZES)
PIXELS = Pixels(np.arange(30, dtype=np.uint8).reshape(30, 1, 1), white=1)


@pytest.mark.parametrize("order", [None, np.random.default_rng(0).permutation(30)])
def test_a_grid_finds_the_image_of_every_combination(order: np.ndarray | None) -> None:
    data = ImageGrid(PIXELS, FACTORS, order)
    expected = torch.arange(30) if order is None else torch.from_numpy(order)
    numbers = torch.from_numpy(grid(*SIZES))
    assert torch.equal(data.labels(), numbers)
    assert torch.equal(data.images(numbers)[:, 0], expected.float())
    assert torch.equal(data.images(numbers.reshape(5, 6, 4).float())[..., 0], expected.reshape(5, 6).float())
    drawn = data.draw(40, {"factors": torch.tensor([3, 4])})
    assert torch.equal(drawn.images, data.images(drawn.factors))


def test_draws_of_a_grid_are_uniform_and_independent() -> None:
    drawn = ImageGrid(PIXELS, FACTORS).draw(60_000, {"factors": torch.tensor([7])})
    shares = torch.bincount(drawn.images.flatten().long(), minlength=30) / 60_000
    assert (shares - 1 / 30).abs().max() < 5 * (1 / 30 / 60_000) ** 0.5


def test_factors_out_of_range_are_refused() -> None:
    data = ImageGrid(PIXELS, FACTORS)
    for factors in ([2, 0, 0, 0], [0, 0, 0, -1], [0, 0, float("nan"), 0]):
        with pytest.raises(
            ValueError, match=r"^factors must lie between 0 and sizes - 1 for sizes \(2, 1, 5, 3\), got \["
        ):
            data.images(torch.tensor([factors]))
    with pytest.raises(ValueError, match=r"^factors must have shape \[..., 4\], got \[3\]$"):
        data.images(torch.zeros(3))
    for row in (-1, 30):
        with pytest.raises(ValueError, match=rf"^rows must lie between 0 and 29, got {row}$"):
            data.test_images(torch.tensor([0, row, 31]))


def test_a_table_finds_the_first_image_of_a_combination() -> None:
    values = torch.tensor([[0.5, -0.0], [1.0, 2.0], [0.5, 0.0], [1.0, 0.0]])
    data = ImageTable(Pixels(np.arange(4, dtype=np.uint8).reshape(4, 1, 1), 1), values, (Factor("a"), Factor("b")))
    assert data.images(values).flatten().tolist() == [0, 1, 0, 3]
    with pytest.raises(ValueError, match=r"^factors must be those of an image, got \[0.5, 2.0\], which none has$"):
        data.images(torch.tensor([[1.0, 2.0], [0.5, 2.0]]))
    assert repr(data) == "ImageTable(4 images, 1 x 1, a, b)"


def test_a_value_that_does_not_occur_leaves_the_others_their_numbers() -> None:
    values = torch.tensor([[1, 5], [1, 7], [1, 5]])
    pixels = Pixels(np.zeros((3, 1, 1), np.uint8), 1)
    data = ImageTable(pixels, values, (Factor("attribute", 2), Factor("b", 2)))
    assert data.labels().tolist() == [[1, 0], [1, 1], [1, 0]]


def test_a_bias_moves_draws_and_not_the_test_set() -> None:
    table = ImageTable(PIXELS, torch.from_numpy(grid(*SIZES)), FACTORS)
    bias = {"c": torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0, 2.0]])}
    for data in (ImageGrid(PIXELS, FACTORS), table):
        drawn = data.draw(20_000, {"factors": torch.tensor([1, 2])}, bias)
        assert torch.equal(drawn.images, data.images(drawn.factors))
        assert set(drawn.factors[0, :, 2].tolist()) == {2}
        shares = torch.bincount(drawn.factors[1, :, 2], minlength=5) / 20_000
        assert (shares - torch.tensor([0.25, 0.25, 0.0, 0.0, 0.5])).abs().max() < 5 * (0.25 / 20_000) ** 0.5
        linked = data.draw(5_000, {"factors": torch.tensor([3])}, Bias(Correlate("c", "d", 20.0))).factors[0]
        apart = linked[:, 2] / 4 - linked[:, 3] / 2
        assert apart.abs().max() <= 0.25 and len(data.labels()) == 30
        with pytest.raises(ValueError, match=r"^bias must name factors among a, b, c, d, got 'e'$"):
            data.draw(3, {"factors": torch.tensor([1])}, {"e": torch.ones(2)})
