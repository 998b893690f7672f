import math

import pytest
import torch

from pyvae.data import BlockGrid


def test_render_puts_each_intensity_in_its_block() -> None:
    grid = BlockGrid(blocks=2, pixels=3)
    image = grid.render(torch.tensor([1.0, 2.0, 3.0, 4.0])).reshape(6, 6)
    assert image[:3, :3].eq(1).all() and image[:3, 3:].eq(2).all()
    assert image[3:, :3].eq(3).all() and image[3:, 3:].eq(4).all()


def test_sizes_of_the_study() -> None:
    grid = BlockGrid()
    assert (grid.latents, grid.side, grid.size) == (9, 21, 441)
    assert grid.render(torch.rand(4, 5, 9)).shape == (4, 5, 441)


def test_test_set_is_every_combination_once() -> None:
    intensities = BlockGrid().test_intensities()
    assert intensities.shape == (3**9, 9)
    assert intensities.unique(dim=0).shape == intensities.shape
    assert intensities.unique().tolist() == pytest.approx([0.1, 0.5, 0.9])
    assert float(intensities.var(correction=0)) == pytest.approx(0.10667, abs=1e-5)


def test_intensities_have_the_bias_and_are_their_sigmoid() -> None:
    mu = torch.tensor([0.0, 5.0])
    z, intensities = BlockGrid().sample_intensities(mu, 4000, torch.tensor([1, 2]))
    error = 5 / math.sqrt(4000 * 9)
    assert torch.allclose(z.mean(dim=(1, 2)), mu, atol=error)
    assert torch.allclose(z.std(dim=(1, 2)), torch.ones(2), atol=error)
    assert torch.equal(intensities, z.sigmoid())


def test_noise_has_the_variance_and_no_mean() -> None:
    clean = torch.full((1, 500, 441), 0.5)
    noise = BlockGrid().add_noise(clean, 0.25, torch.tensor([3])) - clean
    assert float(noise.mean()) == pytest.approx(0, abs=0.006)
    assert float(noise.var()) == pytest.approx(0.25, abs=0.004)


def test_a_model_draws_what_it_draws_alone() -> None:
    grid, mu, seeds = BlockGrid(), torch.tensor([0.0, 1.0, 2.0]), torch.tensor([5, -6, 7])
    together = grid.add_noise(grid.render(grid.sample_intensities(mu, 16, seeds)[1]), 0.25, seeds + 1)
    _, intensities = grid.sample_intensities(mu[1:2], 16, seeds[1:2])
    alone = grid.add_noise(grid.render(intensities), 0.25, seeds[1:2] + 1)
    assert torch.equal(together[1:2], alone)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: BlockGrid(blocks=0), "blocks must be at least 1, got 0"),
        (lambda: BlockGrid().render(torch.zeros(2, 8)), r"intensities must have shape \[..., 9\], got \[2, 8\]"),
        (
            lambda: BlockGrid().add_noise(torch.zeros(1, 1, 441), 0.0, torch.tensor([0])),
            "variance must be greater than 0",
        ),
        (lambda: BlockGrid().sample_intensities(torch.zeros(2), 1, torch.tensor([0])), "must both have shape"),
    ],
)
def test_wrong_input_is_one_sentence(call, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
