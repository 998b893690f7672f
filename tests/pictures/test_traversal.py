import pytest
import torch

from pyvae.pictures import Encoded, encoded, furthest_traversal, quantile_traversal, quantiles, traversal
from tests.pictures.linear import Linear, images


def test_one_latent_moves_and_the_others_stay() -> None:
    start, values = torch.tensor([1.0, -1.0, 0.5]), torch.tensor([[0.0, 4.0], [-3.0, 6.0]])
    found = traversal(Linear(size=2), start, [0, 1], values)
    expected = [[[0.0, -1 / 3], [2.0, -1 / 3]], [[0.5, -1.0], [0.5, 2.0]]]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_latents_move_through_quantiles_the_one_most_in_use_first() -> None:
    model = Linear(size=2)
    codes = encoded(model, images())
    found = quantile_traversal(model, codes, torch.zeros(3), steps=5)
    expected = quantiles(codes, torch.linspace(0.01, 0.99, 5))
    assert found.shape == (3, 5, 2)
    torch.testing.assert_close(found[0, :, 1], expected[1] / 3)
    torch.testing.assert_close(found[1, :, 0], expected[0] / 2)
    assert not found[2].any()  # the unused latent draws nothing
    torch.testing.assert_close(quantile_traversal(model, codes, torch.zeros(3), steps=5, latents=[0])[0], found[1])


def test_the_furthest_latent_is_that_of_the_largest_mean_absolute_mean() -> None:
    mu = torch.tensor([[3.0, 1.0], [-3.0, 1.0], [0.5, 1.5]])  # |mean of mu| would choose the second
    found = furthest_traversal(Linear(size=2, latents=2), Encoded(mu, None), steps=3)
    assert found.latent == 0
    torch.testing.assert_close(found.values, torch.tensor([-3.0, 0.0, 3.0]))
    torch.testing.assert_close(found.images, torch.tensor([[-1.5, 0.0], [0.0, 0.0], [1.5, 0.0]]))


def test_the_range_is_that_of_one_draw_of_each_of_the_first_samples() -> None:
    wide = Encoded(torch.zeros(2000, 1), torch.zeros(2000, 1))
    few, many = (furthest_traversal(Linear(latents=2), _two(wide), samples=count) for count in (10, 1000))
    assert -2.5 < float(few.values[0]) < float(few.values[-1]) < 2.5
    assert float(many.values[0]) < -2.5 and float(many.values[-1]) > 2.5
    again = furthest_traversal(Linear(latents=2), _two(wide), samples=1000)
    assert torch.equal(again.images, many.images)


def _two(codes: Encoded) -> Encoded:
    assert codes.logvar is not None
    return Encoded(codes.mu.expand(-1, 2).contiguous(), codes.logvar.expand(-1, 2).contiguous())


def test_wrong_arguments_are_a_sentence() -> None:
    model, codes = Linear(), encoded(Linear(), images())
    with pytest.raises(ValueError, match=r"values must have a row for each of the 2 latents, got \[1, 3\]"):
        traversal(model, torch.zeros(3), [0, 1], torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"latents must lie between 0 and 2, got 3"):
        traversal(model, torch.zeros(3), [3], torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"steps must be at least 2, got 1"):
        quantile_traversal(model, codes, torch.zeros(3), steps=1)
    with pytest.raises(ValueError, match=r"samples at least 1, got 11 and 0"):
        furthest_traversal(model, codes, samples=0)
