import math

import numpy as np
import pytest
import torch

from pyvae.data.rendering import splines
from pyvae.data.rendering.boxes import Renderer

OUTLINES = {(number, seed): splines.spline_outline(number, seed) for number in range(12) for seed in (0, 7, 2**64 - 1)}


@pytest.mark.parametrize("key", OUTLINES, ids=str)
def test_outlines_are_smooth_and_centred_and_as_large_as_stays_in_the_image(key: tuple[int, int]) -> None:
    outline = OUTLINES[key]
    steps = np.roll(outline, -1, 0) - outline
    headings = np.arctan2(steps[:, 1], steps[:, 0])
    turns = (np.roll(headings, -1) - headings + math.pi) % (2 * math.pi) - math.pi
    assert np.abs(turns).max() < 0.5 and turns.sum() == pytest.approx(2 * math.pi)  # once round, without a corner
    assert np.hypot(*outline.T).max() == pytest.approx(math.sqrt(2))
    following = np.roll(outline, -1, 0)
    areas = outline[:, 0] * following[:, 1] - outline[:, 1] * following[:, 0]
    np.testing.assert_allclose(((outline + following) * areas[:, None]).sum(0), 0, atol=1e-12)


def test_a_shape_is_a_function_of_its_number_and_the_seed() -> None:
    splines.spline_tables.cache_clear()
    few, more = splines.spline_tables(2, 5), splines.spline_tables(4, 5)
    assert torch.equal(more[:2], few)
    tables = [splines.spline_tables(1, seed)[0] for seed in range(3)] + [*more[1:]]
    assert all(not torch.equal(a, b) for k, a in enumerate(tables) for b in tables[:k])


def test_distances_are_those_from_the_outline() -> None:
    outline = torch.from_numpy(OUTLINES[1, 7])
    torch.manual_seed(0)
    points = torch.rand(2000, 2, dtype=torch.float64) * 3 - 1.5
    truth = torch.cdist(points, outline).min(-1).values  # to the outline's points, 0.01 apart or so
    radius, which = torch.tensor([[8.0]]), torch.tensor([[1]])
    in_pixels = (points.T[:, None] * 8).float()
    found = splines.distance(in_pixels, radius, which, splines.spline_tables(2, 7))[0] / 8
    near = truth < 0.2
    assert (found.abs() - truth)[near].abs().max() < 0.02
    assert found[(points.norm(dim=-1) > 1.45)].max() < 0


@pytest.mark.parametrize("number", range(4))
def test_a_rendered_shape_has_the_outlines_area(number: int) -> None:
    side, outline = 128, OUTLINES[number, 0]
    image = Renderer((1, 1, 1, 1, 1), (3 + number,), side).render(torch.zeros(1, 5))[0].reshape(side, side)
    following = np.roll(outline, -1, 0)
    area = (outline[:, 0] * following[:, 1] - outline[:, 1] * following[:, 0]).sum() / 2
    assert float(image.sum()) / side**2 == pytest.approx(area * (0.17 * 0.75) ** 2, rel=0.01)
    places = (torch.arange(side) + 0.5) / side
    for axis in range(2):
        assert float((image.sum(axis) * places).sum() / image.sum()) == pytest.approx(0.5, abs=2e-3)
