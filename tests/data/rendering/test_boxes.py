import dataclasses
import math

import pytest
import torch
from torch import Tensor

from pyvae.data.rendering.boxes import Renderer

SIZES = (3, 6, 40, 32, 32)


def drawn(sizes: tuple[int, ...], count: int = 300) -> Tensor:
    torch.manual_seed(1)
    return torch.stack([torch.randint(size, (count,)) for size in sizes], -1)


def whole_images(factors: Tensor, side: int) -> Tensor:
    """The three named shapes at every pixel, as Sprites computed them before it had boxes."""
    kind, scale, turn, x, y = (part[:, None] for part in factors.float().unbind(-1))
    radius = 0.17 * (0.5 + 0.5 * (scale / 5))
    centres = (torch.arange(side) + 0.5) / side
    across = centres.repeat(side) - (0.26 + 0.48 * (x / 31))
    down = centres.repeat_interleave(side) - (0.26 + 0.48 * (y / 31))
    angle = 2 * math.pi * turn / 40
    u = (across * angle.cos() + down * angle.sin()) / radius
    v = (down * angle.cos() - across * angle.sin()) / radius
    square = torch.maximum(u.abs(), v.abs()) - 1
    level = torch.hypot(u / 0.8, v / 1.3)
    slope = torch.hypot(u / 0.8**2, v / 1.3**2) / level.clamp_min(1e-6)
    ellipse = (level - 1) / slope.clamp_min(1e-6)
    v = v - 0.8 * (math.pi / (4 + math.pi)) * (1 + 4 / (3 * math.pi)) * math.sqrt(0.5)
    p, q = (u + v) * math.sqrt(0.5), (v - u) * math.sqrt(0.5)
    circles = torch.minimum(torch.hypot(p + 0.8, q), torch.hypot(p, q + 0.8)) - 0.8
    heart = torch.minimum(torch.maximum(p.abs(), q.abs()) - 0.8, circles)
    distance = torch.where(kind == 0, square, torch.where(kind == 1, ellipse, heart))
    return (0.5 - distance * radius * side).clamp(0.0, 1.0)


@pytest.mark.parametrize("side", [8, 31, 64])
def test_boxes_leave_out_nothing(side: int) -> None:
    factors = drawn(SIZES)
    images = Renderer(SIZES, (0, 1, 2), side).render(factors)
    torch.testing.assert_close(images, whole_images(factors, side), rtol=0, atol=2e-5)


RENDERERS = {
    "named": Renderer(SIZES, (0, 1, 2), 32),
    "another order": Renderer(SIZES, (2, 4, 0), 32),
    "splines": Renderer((6, *SIZES[1:]), (0, 1, 2, 3, 4, 5), 32),
    "colours": Renderer((4, *SIZES[1:]), (0, 1, 2, 3), 24, colours=5),
    "hard edges": Renderer((4, *SIZES[1:]), (0, 1, 2, 3), 24, antialias=False, colours=2),
}


@pytest.fixture(params=RENDERERS)
def renderer(request: pytest.FixtureRequest) -> Renderer:
    return RENDERERS[request.param]


def factors_of(renderer: Renderer) -> Tensor:
    return drawn((*renderer.sizes, renderer.colours))


def test_an_image_is_a_function_of_its_factors_alone(renderer: Renderer) -> None:
    factors = factors_of(renderer)
    images = renderer.render(factors)
    for row in (0, 1, 50, 299):
        assert torch.equal(renderer.render(factors[row : row + 1])[0], images[row])
    assert torch.equal(renderer.render(factors.flip(0)).flip(0), images)
    assert renderer.render(factors[:0]).shape == (0, images.shape[1])


def test_all_at_once_as_on_other_devices_is_the_same(renderer: Renderer) -> None:
    factors = factors_of(renderer)
    images = renderer.render(factors)
    assert torch.equal(renderer._at_once(factors, torch.zeros_like(images)), images)


def test_bytes_are_the_nearest(renderer: Renderer) -> None:
    factors = factors_of(renderer)
    in_bytes = renderer.render(factors, torch.uint8)
    assert in_bytes.dtype == torch.uint8
    assert (in_bytes / 255 - renderer.render(factors)).abs().max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize(
    ("kinds", "worst"),
    [((0,), 0.27), ((1,), 0.08), ((2,), 0.25), ((3, 4, 5), 0.17)],  # worst where a corner lies within the pixel
    ids=["square", "ellipse", "heart", "splines"],
)
def test_a_pixel_is_as_bright_as_the_share_of_it_that_the_sprite_covers(kinds: tuple[int, ...], worst: float) -> None:
    sizes, side, finer = (len(kinds), 3, 7, 5, 4), 32, 16
    factors = drawn(sizes, 60)
    images = Renderer(sizes, kinds, side).render(factors).reshape(-1, side, side)
    points = Renderer(sizes, kinds, side * finer, antialias=False).render(factors)
    covered = points.reshape(-1, side, finer, side, finer).mean((2, 4))
    wrong = (images - covered).abs()
    assert float(wrong.max()) < worst and float(wrong[(covered > 0) & (covered < 1)].mean()) < 0.025


def test_without_antialiasing_a_pixel_is_white_where_half_is_covered() -> None:
    soft = Renderer(SIZES, (0, 1, 2), 48)
    hard = dataclasses.replace(soft, antialias=False).render(drawn(SIZES))
    covered = soft.render(drawn(SIZES))
    assert set(hard.unique().tolist()) == {0.0, 1.0}
    undecided = (covered - 0.5).abs() < 1e-4
    assert torch.equal(hard[~undecided], (covered > 0.5).float()[~undecided])


def test_colours_are_hues_of_the_same_shapes() -> None:
    white = Renderer(SIZES, (0, 1, 2), 24)
    factors = drawn((*SIZES, 3))
    images = dataclasses.replace(white, colours=3).render(factors).reshape(-1, 3, 24 * 24)
    covered = white.render(factors[:, :5])
    for number in range(3):  # red, green and blue
        mine = factors[:, 5] == number
        assert torch.equal(images[mine, number], covered[mine])
        assert images[mine].sum(1).sub(covered[mine]).abs().max() == 0
