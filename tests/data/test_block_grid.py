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
    assert (len(grid.factors), grid.shape, grid.size, grid.count) == (9, (21, 21), 441, None)
    assert grid.render(torch.rand(4, 5, 9)).shape == (4, 5, 441)


def test_test_set_is_every_combination_once() -> None:
    intensities = BlockGrid().test_intensities()
    assert intensities.shape == (3**9, 9)
    assert intensities.unique(dim=0).shape == intensities.shape
    assert intensities.unique().tolist() == pytest.approx([0.1, 0.5, 0.9])
    assert float(intensities.var(correction=0)) == pytest.approx(0.10667, abs=1e-5)


def seeds(factors: list[int], pixels: list[int]) -> dict[str, torch.Tensor]:
    return {"factors": torch.tensor(factors), "pixels": torch.tensor(pixels)}


def test_factors_have_the_bias_and_images_show_their_sigmoid() -> None:
    mu = torch.tensor([0.0, 5.0])
    grid = BlockGrid(noise_variance=1e-9)
    z, images, _ = grid.draw(4000, seeds([1, 2], [3, 4]), mu)
    error = 5 / math.sqrt(4000 * 9)
    assert torch.allclose(z.mean(dim=(1, 2)), mu, atol=error)
    assert torch.allclose(z.std(dim=(1, 2)), torch.ones(2), atol=error)
    assert torch.equal(grid.images(z), grid.render(z.sigmoid()))
    assert torch.allclose(images, grid.images(z), atol=1e-3)
    assert torch.allclose(grid.draw(4000, seeds([1], [3])).factors, z[:1])  # no bias is a bias of 0


def test_noise_has_the_variance_and_no_mean() -> None:
    grid = BlockGrid(noise_variance=0.25)
    z, images, _ = grid.draw(500, seeds([3], [4]))
    noise = images - grid.images(z)
    assert float(noise.mean()) == pytest.approx(0, abs=0.006)
    assert float(noise.var()) == pytest.approx(0.25, abs=0.004)


def test_a_model_draws_what_it_draws_alone() -> None:
    grid, mu = BlockGrid(), torch.tensor([0.0, 1.0, 2.0])
    together = grid.draw(16, seeds([5, -6, 7], [6, -5, 8]), mu)
    alone = grid.draw(16, seeds([-6], [-5]), mu[1:2])
    assert torch.equal(together.factors[1:2], alone.factors) and torch.equal(together.images[1:2], alone.images)


def test_labels_number_the_test_intensities() -> None:
    grid = BlockGrid(blocks=2, pixels=1)
    assert torch.equal(torch.tensor([0.1, 0.5, 0.9])[grid.labels()], grid.test_intensities())
    assert torch.allclose(grid.test_factors().sigmoid(), grid.test_intensities())


def test_images_of_the_test_set_take_memory_for_those_asked_for() -> None:
    """Of 3^36 images, whose labels nothing could hold."""
    vast = BlockGrid(blocks=6, pixels=1)
    last = vast.test_images([3**36 - 1, 1])
    assert torch.allclose(last, torch.tensor([[0.9] * 36, [0.1] * 35 + [0.5]]))


def test_earlier_names_warn_and_work() -> None:
    grid, mu, seed = BlockGrid(), torch.tensor([1.0]), torch.tensor([5])
    with pytest.warns(FutureWarning, match=r"BlockGrid.sample_intensities will be removed in pyvae 0.2: use grid.draw"):
        z, intensities = grid.sample_intensities(mu, 3, seed)
    assert torch.equal(z, grid.draw(3, seeds([5], [0]), mu).factors) and torch.allclose(intensities, z.sigmoid())
    with pytest.warns(FutureWarning, match=r"BlockGrid.add_noise"):
        noised = grid.add_noise(grid.render(intensities), 0.25, seed)
    assert torch.equal(noised, grid.draw(3, seeds([5], [5]), mu).images)
    with pytest.warns(FutureWarning):
        assert (grid.latents, grid.side) == (9, 21)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: BlockGrid(blocks=0), "blocks must be at least 1, got 0"),
        (lambda: BlockGrid().render(torch.zeros(2, 8)), r"intensities must have shape \[..., 9\], got \[2, 8\]"),
        (lambda: BlockGrid(noise_variance=0.0), "noise_variance must be greater than 0"),
        (lambda: BlockGrid().draw(1, seeds([0], [0]), torch.zeros(2)), r"bias and both seeds must have shape \[K\]"),
    ],
)
def test_wrong_input_is_one_sentence(call, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


def test_means_are_floats() -> None:
    for means in (torch.tensor([1]), torch.tensor([True])):
        with pytest.raises(TypeError, match=r"^bias must be a tensor of a float type, got (int64|bool)$"):
            BlockGrid().draw(1, seeds([0], [0]), means)


@pytest.mark.parametrize("count", [1, 7, 16, 1001, 20_000])
def test_an_image_has_the_same_bits_alone_and_among_others_on_any_number_of_threads(count) -> None:
    grid, before = BlockGrid(pixels=1), torch.get_num_threads()
    first, second = torch.arange(3), torch.arange(5, 8)
    drawn = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        drawn.append(grid.draw(count, {"factors": first, "pixels": second}).images)
    torch.set_num_threads(before)
    assert torch.equal(drawn[0], drawn[1]) and torch.equal(drawn[0], drawn[2])
    for k in range(3):
        alone = grid.draw(count, {"factors": first[k : k + 1], "pixels": second[k : k + 1]}).images
        assert torch.equal(alone[0], drawn[0][k])
    z = drawn[0][0]
    assert torch.equal(grid.images(z[0]), grid.images(z)[0])
