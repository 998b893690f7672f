"""Named shapes against their geometry: a signed distance, the edge, and the centre of mass."""

import math

import pytest
import torch

from pyvae.data.rendering import distances

AREAS = {"square": 4.0, "ellipse": math.pi * 0.8 * 1.3, "heart": 1.6**2 + math.pi * 0.8**2}


@pytest.mark.parametrize("number", range(3), ids=distances.SHAPES)
def test_area_centre_and_reach(number: int) -> None:
    axis = torch.linspace(-1.6, 1.6, 1601, dtype=torch.float64)
    v, u = torch.meshgrid(axis, axis, indexing="ij")
    radius = torch.ones(len(u), 1, dtype=torch.float64)
    inside = distances.NAMED[number](u.clone(), v.clone(), radius) > 0
    assert float(inside.sum()) * 0.002**2 == pytest.approx(AREAS[distances.SHAPES[number]], rel=2e-3)
    assert abs(float(u[inside].mean())) < 1e-3 and abs(float(v[inside].mean())) < 1e-3
    assert float(torch.hypot(u, v)[inside].max()) == pytest.approx(distances.REACH[number], abs=4e-3)


@pytest.mark.parametrize("number", range(3), ids=distances.SHAPES)
def test_near_the_edge_it_grows_by_the_length_of_a_step(number: int) -> None:
    torch.manual_seed(0)
    radius = torch.tensor([[1.0], [7.0]], dtype=torch.float64)
    points = (torch.rand(2, 2, 10_000, dtype=torch.float64) * 3 - 1.5) * radius
    distance = distances.NAMED[number](*points.clone(), radius)
    step = 1e-6
    slopes = []
    for axis in range(2):
        moved = points.clone()
        moved[axis] += step
        slopes.append((distances.NAMED[number](*moved, radius) - distance) / step)
    near = distance.abs() < 0.02 * radius
    slope = torch.hypot(*slopes)[near]
    assert near.sum() > 100 and float((slope - 1).abs().median()) < 0.03 and float(slope.max()) < 1.06
