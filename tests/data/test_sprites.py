import math

import pytest
import torch

from pyvae.data import Sprites

SMALL = Sprites(sizes=(3, 2, 4, 3, 5), side=24)


def seeds(*numbers: int) -> dict[str, torch.Tensor]:
    return {"factors": torch.tensor(numbers)}


def test_sizes_are_those_of_dsprites_unless_asked() -> None:
    sprites = Sprites()
    assert sprites.count == 737_280 and sprites.size == 4096 and sprites.shape == (64, 64)
    assert [factor.name for factor in sprites.factors] == ["shape", "scale", "orientation", "x", "y"]
    assert [factor.size for factor in sprites.factors] == [3, 6, 40, 32, 32]


def test_labels_are_every_combination_once() -> None:
    labels = SMALL.labels()
    assert len(labels) == SMALL.count == len(labels.unique(dim=0))
    assert labels[1].tolist() == [0, 0, 0, 0, 1] and torch.equal(SMALL.test_factors(), labels)


def test_every_sprite_is_another_image_unless_a_turn_makes_it_the_same() -> None:
    images = SMALL.images(SMALL.labels())
    assert images.shape == (SMALL.count, 24 * 24) and images.min() == 0 and images.max() == 1
    kinds, scales, turns, xs, ys = SMALL.sizes
    # A quarter turn leaves a square as it is, half a turn an ellipse.
    by_shape = images.reshape(kinds, scales, turns, xs * ys, -1)
    assert torch.allclose(by_shape[0, :, 0], by_shape[0, :, 1], atol=1e-4)
    assert torch.allclose(by_shape[1, :, 0], by_shape[1, :, 2], atol=1e-4)
    near = torch.cdist(images, images) < 0.05
    different = int((near.int().argmax(-1) == torch.arange(len(images))).sum())  # no earlier image is the same
    assert different == scales * xs * ys * (1 + 2 + 4)


def test_no_sprite_touches_the_edge() -> None:
    sprites = Sprites(sizes=(3, 1, 16, 2, 2), side=64)
    images = sprites.images(sprites.labels() * torch.tensor([1, 1, 1, 1, 1])).reshape(-1, 64, 64)
    border = torch.cat([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], -1)
    assert border.max() == 0


@pytest.mark.parametrize("kind", range(3))
def test_area_and_place_are_those_of_the_factors(kind: int) -> None:
    """At another resolution a sprite covers the same share of the image, and its centre goes where x and y say."""
    sizes = (3, 2, 8, 5, 5)
    coarse, fine = Sprites(sizes, side=48), Sprites(sizes, side=192)
    factors = torch.tensor([[kind, 1, turn, x, y] for turn in (0, 3) for x in (0, 4) for y in (1, 3)])
    a, b = coarse.images(factors), fine.images(factors)
    assert torch.allclose(a.mean(-1), b.mean(-1), rtol=0.02)
    across = torch.arange(192).add(0.5).div(192)
    image = b.reshape(-1, 192, 192)
    x = (image.sum(1) * across).sum(-1) / image.sum((1, 2))
    wide = 0.26 + 0.48 * factors[:, 3] / 4
    assert torch.allclose(x, wide, atol=2e-3)


def test_edges_are_one_pixel_wide() -> None:
    image = Sprites(side=64).images(torch.tensor([0, 5, 0, 16, 16]))
    inside, between = (image == 1).sum(), ((image > 0) & (image < 1)).sum()
    side = 2 * 0.17 * 64
    assert float(image.sum()) == pytest.approx(side**2, rel=0.05)
    assert between < 4.5 * side and inside > (side - 2) ** 2


def test_a_model_draws_what_it_draws_alone() -> None:
    together, alone = SMALL.draw(50, seeds(4, 5, 6)), SMALL.draw(50, seeds(5))
    assert torch.equal(together.factors[1:2], alone.factors) and torch.equal(together.images[1:2], alone.images)
    assert torch.equal(SMALL.images(alone.factors), alone.images)


def test_factors_are_uniform_and_independent() -> None:
    factors = SMALL.draw(30_000, seeds(1)).factors[0]
    for f, size in enumerate(SMALL.sizes):
        share = torch.bincount(factors[:, f], minlength=size) / len(factors)
        assert torch.allclose(share, torch.full_like(share, 1 / size), atol=5 * math.sqrt(0.25 / len(factors)))
    assert (torch.corrcoef(factors.T.double()) - torch.eye(5)).abs().max() < 0.03


def test_a_bias_weighs_values_for_all_models_or_for_each() -> None:
    for_all = SMALL.draw(20_000, seeds(1, 2), {"scale": torch.tensor([3.0, 1.0])}).factors
    assert torch.allclose((for_all[..., 1] == 0).double().mean(-1), torch.tensor([0.75, 0.75]).double(), atol=0.02)
    each = SMALL.draw(20_000, seeds(1, 2), {"y": torch.tensor([[1.0, 0, 0, 0, 1], [0, 0, 5, 0, 0]])}).factors
    assert set(each[0, :, 4].tolist()) == {0, 4} and set(each[1, :, 4].tolist()) == {2}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Sprites((3, 6, 40, 32)), r"sizes must be five numbers of at least 1, got \(3, 6, 40, 32\)"),
        (lambda: Sprites((4, 6, 40, 32, 32)), "sizes must start with at most 3 shapes, got 4"),
        (lambda: Sprites(side=4), "side must be at least 8, got 4"),
        (lambda: SMALL.images(torch.zeros(2, 4)), r"factors must have shape \[..., 5\], got \[2, 4\]"),
        (lambda: SMALL.images(torch.tensor([0, 2, 0, 0, 0])), r"factors must lie between 0 and sizes - 1"),
        (lambda: SMALL.draw(1, seeds(1), {"colour": torch.ones(2)}), "bias must name factors among shape, .*'colour'"),
        (lambda: SMALL.draw(1, seeds(1), {"scale": torch.ones(3)}), "bias must hold 2 weights of at least 0"),
        (lambda: SMALL.draw(1, seeds(1), {"scale": torch.tensor([1.0, -1])}), "bias must hold 2 weights of at least 0"),
        (lambda: SMALL.draw(1, seeds(1), {"scale": torch.zeros(2)}), "with a positive sum for scale"),
    ],
)
def test_wrong_input_is_one_sentence(call, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
