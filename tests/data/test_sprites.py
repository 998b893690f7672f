import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pyvae.data import Sprites
from pyvae.data.rendering.boxes import Renderer

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
        (lambda: Sprites((3, 6, 40, 32)), r"sizes must be 5 numbers of at least 1, of shape, .*, got \(3, 6, 40, 32\)"),
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


# --- Other shapes and colours -----------------------------------------------------------------------------------------

MIXED = Sprites(sizes=(4, 2, 4, 3, 3), side=16, splines=2, shapes=("heart", "square"), shape_seed=3)
COLOURED = Sprites(sizes=(2, 2, 3, 2, 3), side=12, colours=4)


def test_shapes_come_in_the_order_asked_for() -> None:
    factors = torch.tensor([[0, 1, 1, 2, 0], [1, 0, 3, 0, 2]])
    named = Sprites(sizes=(3, 2, 4, 3, 3), side=16).images(torch.tensor([[2, 1, 1, 2, 0], [0, 0, 3, 0, 2]]))
    assert torch.equal(MIXED.images(factors), named)


def test_a_seed_makes_other_splines_and_the_same_ones_again() -> None:
    spline = torch.tensor([2, 1, 1, 1, 1])
    again, other = (Sprites(MIXED.sizes, 16, splines=2, shapes=MIXED.shapes, shape_seed=seed) for seed in (3, 4))
    assert torch.equal(MIXED.images(spline), again.images(spline))
    assert not torch.equal(MIXED.images(spline), other.images(spline))


def test_colour_is_a_sixth_factor() -> None:
    assert [(f.name, f.size, f.nominal) for f in COLOURED.factors][-1] == ("colour", 4, False)
    assert COLOURED.shape == (3, 12, 12) and COLOURED.size == 432 and COLOURED.count == 2 * 2 * 3 * 2 * 3 * 4
    labels = COLOURED.labels()
    assert labels.shape == (COLOURED.count, 6)
    means = COLOURED.images(labels[:4]).reshape(4, 3, 144).mean(-1)
    assert len(means.gt(0).unique(dim=0)) == 4  # red, yellow-green, cyan and violet light other channels or shares


def test_coloured_draws_are_the_images_of_their_factors() -> None:
    together = COLOURED.draw(40, seeds(7, 8))
    assert together.factors.shape == (2, 40, 6) and together.images.shape == (2, 40, 432)
    assert torch.equal(COLOURED.images(together.factors), together.images)
    assert torch.equal(COLOURED.draw(40, seeds(8)).images[0], together.images[1])
    assert set(together.factors[..., 5].flatten().tolist()) == {0, 1, 2, 3}


def test_hard_edges_are_white_or_black() -> None:
    hard = Sprites(sizes=(3, 2, 4, 3, 5), side=24, antialias=False)
    assert set(hard.images(hard.labels()).unique().tolist()) == {0.0, 1.0}


# --- A file of all images ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sprites", [SMALL, MIXED, COLOURED], ids=["named", "mixed", "coloured"])
@pytest.mark.parametrize("in_memory", [False, True])
def test_a_cache_holds_the_same_images(sprites: Sprites, in_memory: bool, tmp_path: Path) -> None:
    cached = sprites.cached(False if in_memory else tmp_path, progress=False)
    labels = sprites.labels()
    assert torch.equal(cached.labels(), labels) and cached.factors == sprites.factors and cached.shape == sprites.shape
    assert (cached.images(labels) - sprites.images(labels)).abs().max() <= 0.5 / 255 + 1e-6
    assert len(list(tmp_path.iterdir())) == (0 if in_memory else 1)


def test_a_cache_draws_the_same_factors(tmp_path: Path) -> None:
    cached = SMALL.cached(tmp_path, progress=False)
    bias = {"scale": torch.tensor([3.0, 1.0])}
    a, b = SMALL.draw(20, seeds(3, 4), bias), cached.draw(20, seeds(3, 4), bias)
    assert torch.equal(a.factors, b.factors) and torch.allclose(a.images, b.images, atol=0.5 / 255 + 1e-6)
    again = pickle.loads(pickle.dumps(cached))
    assert torch.equal(again.draw(20, seeds(3, 4), bias).images, b.images)


def test_a_cache_is_written_once_for_each_settings(tmp_path: Path) -> None:
    SMALL.cached(tmp_path, progress=False)
    (file,) = tmp_path.iterdir()
    before = file.stat()
    SMALL.cached(tmp_path, progress=False)
    assert file.stat().st_mtime_ns == before.st_mtime_ns and file.stat().st_ino == before.st_ino
    Sprites(SMALL.sizes, SMALL.side, antialias=False).cached(tmp_path, progress=False)
    assert len(list(tmp_path.iterdir())) == 2
    assert np.load(file, mmap_mode="c").shape == (SMALL.count, 24, 24)  # as other programs open it


def test_an_interrupt_leaves_no_part_of_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyvae.data.sprites._BLOCK", 100)
    whole = Renderer.render
    blocks = iter(range(2))

    def interrupted(*arguments: Any) -> torch.Tensor:
        if next(blocks, None) is None:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(Renderer, "render", interrupted)
    with pytest.raises(KeyboardInterrupt):
        SMALL.cached(tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"splines": 2}, "sizes must start with 5 for 3 shapes and 2 splines, got 3"),
        ({"splines": -1}, "splines must be at least 0, got -1"),
        ({"colours": 0}, "colours must be at least 1, got 0"),
        ({"shape_seed": -1}, r"shape_seed must lie between 0 and 18446744073709551615, got -1"),
        ({"shapes": ("heart", "star")}, r"shapes must be some of square, ellipse, heart, each once, got"),
        ({"shapes": ("heart", "heart")}, "each once"),
        ({"shapes": ("heart",)}, "sizes must start with at most 1 shapes, got 3"),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Sprites(**settings)


def test_a_cache_needs_a_folder() -> None:
    sprites = Sprites((1, 1, 2, 2, 2), 8)
    with pytest.raises(ValueError, match=r"cache must be the folder of the file, or False for memory, got True"):
        sprites.cached(True)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^cache must be the folder of the file, or False for memory, got 2\.5$"):
        sprites.cached(2.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^progress must be True or False, got 'yes'$"):
        sprites.cached(False, progress="yes")  # type: ignore[arg-type]


def test_settings_may_be_numbers_of_numpy() -> None:
    plain = Sprites(sizes=(2, 1, 2, 2, 2), side=8, colours=3)
    of_numpy = Sprites(sizes=np.array([2, 1, 2, 2, 2]), side=np.int64(8), colours=np.int64(3))  # type: ignore[arg-type]
    assert torch.equal(of_numpy.test_images([0, 7, 47]), plain.test_images([0, 7, 47]))
    assert torch.equal(of_numpy.cached(False, progress=False).test_images([5]), plain.cached(False).test_images([5]))


def test_more_images_than_rows_can_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^rows must be numbers of a test set of at most 2\^63 - 1 images"):
        Sprites(sizes=(1, *[10**5] * 4), side=16).test_images([0])


def test_images_of_the_test_set_take_memory_for_those_asked_for() -> None:
    """Of 10^15 sprites, whose labels would be 40 PB."""
    vast = Sprites(sizes=(1, 1000, 10_000, 10_000, 10_000), side=16)
    last = vast.test_images([vast.count - 1])
    assert torch.equal(last, vast.images([[0, 999, 9999, 9999, 9999]]))
