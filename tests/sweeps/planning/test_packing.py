"""Which cells are trained together."""

import dataclasses
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyvae.studies import study_named
from pyvae.sweeps.planning.cells import Cell, Plan
from pyvae.sweeps.planning.packing import _cuts, _tried, blocks, split

STUDY = study_named("biased-grid")
BASE = STUDY.preset("quick")
FIELDS = ("latents", "mus", "strengths", "seeds")


def plan_with(points: list[tuple[int, float, float, int]]) -> Plan:
    cells = tuple(Cell(str(place), dict(zip(FIELDS, point, strict=True))) for place, point in enumerate(points))
    return Plan(STUDY, BASE, cells, FIELDS)


def product_of(mus: int, strengths: int, seeds: int, latents: int = 1) -> Plan:
    axes = (range(1, latents + 1), *(map(float, range(count)) for count in (mus, strengths)), range(seeds))
    return plan_with([*itertools.product(*axes)])


def trained(plan: Plan, block: list[Cell]) -> list[tuple]:
    """The models of the run that a block is: what it trains, read off its config."""
    config = plan.config_of(block)
    return [(config.model.latents, cell.bias, cell.strength, cell.seed) for cell in config.cells()]


def points_of(cells: list[Cell]) -> list[tuple]:
    return [tuple(cell.values[name] for name in FIELDS) for cell in cells]


POINT = st.tuples(st.integers(1, 2), *[st.sampled_from([0.0, 1.0, 2.0])] * 2, st.integers(0, 2))


@given(st.lists(POINT, unique=True, min_size=1, max_size=40))
def test_any_cells_are_divided_into_products(points) -> None:
    plan = plan_with(points)
    divided = blocks(plan)
    assert sorted(cell.id for block in divided for cell in block) == sorted(cell.id for cell in plan.cells)
    for block in divided:
        assert sorted(trained(plan, block)) == sorted(points_of(block))
        assert [int(cell.id) for cell in block] == sorted(int(cell.id) for cell in block)
    firsts = [int(block[0].id) for block in divided]
    assert firsts == sorted(firsts)
    of_each = [len({(p[0], *(p[axis] for axis in others)) for p in points}) for others in ((1, 2), (1, 3), (2, 3))]
    assert len(divided) <= min(of_each), "no more than lines along one axis"


@given(st.integers(1, 6), st.integers(1, 9), st.integers(1, 9), st.integers(1, 60))
def test_a_product_is_split_into_products_of_at_most_so_many(mus, strengths, seeds, most) -> None:
    plan = product_of(mus, strengths, seeds)
    parts = split(plan, plan.cells, most)
    assert sorted(int(cell.id) for part in parts for cell in part) == list(range(len(plan.cells)))
    for part in parts:
        assert len(part) <= most and sorted(trained(plan, part)) == sorted(points_of(part))
    # None is more than one value longer than another along any axis.
    lengths = [[len(values) for values in plan.listed(part).values()] for part in parts]
    assert all(max(axis) - min(axis) <= 1 for axis in zip(*lengths, strict=True))
    # As few as cutting one axis alone could make them, at least.
    sizes = (mus, strengths, seeds)
    alone = [math.ceil(n / (most // (len(plan.cells) // n))) for n in sizes if most >= len(plan.cells) // n]
    assert len(parts) >= math.ceil(len(plan.cells) / most) and all(len(parts) <= count for count in alone)


def test_cells_that_differ_in_other_settings_are_never_together() -> None:
    plan = product_of(2, 2, 2, latents=3)
    assert [len(block) for block in blocks(plan)] == [8, 8, 8]
    assert blocks(plan)[1] == [cell for cell in plan.cells if cell.values["latents"] == 2]
    some = [cell for cell in plan.cells if cell.values["seeds"] == 1 and cell.values["latents"] != 2]
    assert blocks(plan, some) == [some[:4], some[4:]] and blocks(plan, []) == []


def test_what_was_added_to_a_product_makes_few_blocks() -> None:
    old = [*itertools.product([1], [0.0], [1.0, 2.0, 4.0], [0, 1])]
    assert [len(block) for block in blocks(plan_with([*old, (1, 0.0, 2.0, 2)]))] == [6, 1]
    assert [len(block) for block in blocks(plan_with([*old, (1, 0.0, 8.0, 0)]))] == [6, 1]
    wide = [(1, 0.0, float(k), seed) for k in range(20) for seed in range(5) if seed < 3 or k < 7]
    assert sorted(len(block) for block in blocks(plan_with(wide))) == [14, 60]


def test_without_stacked_fields_every_cell_is_alone() -> None:
    cells = tuple(Cell(str(k), {"latents": k}) for k in range(1, 4))
    plan = Plan(STUDY, BASE, cells, ("latents",))
    assert blocks(plan) == [[cell] for cell in cells]
    assert split(plan, cells[:1], 1) == [[cells[0]]]


@pytest.mark.parametrize("fields", [FIELDS, FIELDS[::-1]])
def test_a_shard_has_several_strengths_of_a_seed(fields) -> None:
    plan = dataclasses.replace(product_of(1, 4, 4), fields=fields)
    parts = split(plan, plan.cells, 8)
    assert len(parts) == 2
    assert [{cell.values["seeds"] for cell in part} for part in parts] == [{0, 1}, {2, 3}]
    assert all(len({cell.values["strengths"] for cell in part}) == 4 for part in parts)


@pytest.mark.parametrize(
    ("sizes", "most", "made"),
    [((1, 11, 2), 8, [8, 8, 6]), ((1, 5, 1), 4, [3, 2]), ((1, 15, 4), 20, [20, 20, 20]), ((2, 3, 1), 100, [6]),
     ((1, 7, 1), 1, [1] * 7), ((1, 64, 1), 60, [32, 32]), ((1, 7, 1), 3, [3, 2, 2]), ((1, 10, 1), 3, [3, 3, 2, 2])],
)  # fmt: skip
def test_parts_are_few_and_then_equal(sizes, most, made) -> None:
    plan = product_of(*sizes)
    assert sorted(map(len, split(plan, plan.cells, most)), reverse=True) == made


def test_no_length_of_parts_is_left_out() -> None:
    for size in range(1, 200):
        assert {-(-size // length) for length in range(1, size + 1)} <= set(_tried(size)) <= set(range(1, size + 2))


def test_a_million_cells_are_cut_at_once() -> None:
    assert math.prod(_cuts({"seeds": 10**6}, 64).values()) == 15625
    assert math.prod(_cuts({"mus": 100, "strengths": 100, "seeds": 100}, 64).values()) == 25**3


def test_what_cannot_be_split_is_a_sentence() -> None:
    plan = product_of(1, 2, 2)
    with pytest.raises(ValueError, match=r"^most must be at least 1, got 0$"):
        split(plan, plan.cells, 0)
    with pytest.raises(ValueError, match=r"^cells must be alike but for the product of their stacked values"):
        split(plan, plan.cells[:3], 2)
