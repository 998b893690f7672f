"""Which cells are trained together: those that differ in stacked fields only, by products of these fields' values.

A run trains every combination of the values that its config lists, so that cells can only share one if they are such
a product.
"""

import itertools
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from pyvae.sweeps.planning.cells import Cell, Plan, settled

SEEDS = "seeds"
"""The field that is cut before others. A shard so has many strengths of one seed and not many seeds of one strength:
the first shards show the whole range, once, and the seeds that a sweep is given later come in shards like them.
"""

Point = tuple[Hashable, ...]
"""A cell's values of the stacked fields."""


def blocks(plan: Plan, cells: Iterable[Cell] | None = None) -> list[list[Cell]]:
    """The plan's cells, or some of them, in blocks that one run each could train; each cell is in one of them.

    Blocks are few, if not always the fewest, and of as few those with the largest. Cells stay in the plan's order, and
    blocks in that of their first cells.
    """
    stacked, places = plan.stacked(), {}
    alike: dict[Point, list[Cell]] = {}
    for place, cell in enumerate(plan.cells if cells is None else cells):
        alike.setdefault(settled(cell, stacked), []).append(cell)
        places[cell.id] = place
    divided = [block for group in alike.values() for block in _products(group, stacked)]
    return sorted(divided, key=lambda block: places[block[0].id])


def _products(group: Sequence[Cell], stacked: Iterable[str]) -> list[list[Cell]]:
    """Cells that are alike in other fields, divided into products of the stacked ones."""
    points = {tuple(cell.values[name] for name in stacked): place for place, cell in enumerate(group)}
    tried = [(_boxes([_at(point, order) for point in points]), order) for order in _orders(len(next(iter(points))))]
    boxes, order = min(tried, key=lambda found: (len(found[0]), -max(map(_size, found[0]))))
    places = {_at(point, order): place for point, place in points.items()}
    found = [sorted(places[point] for point in itertools.product(*box)) for box in boxes]
    return [[group[place] for place in block] for block in found]


def _size(box: Iterable[Point]) -> int:
    return math.prod(map(len, box))


def _orders(axes: int) -> list[tuple[int, ...]]:
    """Orders of axes that are tried: each axis is once the first."""
    return [(first, *(axis for axis in range(axes) if axis != first)) for first in range(axes)] or [()]


def _at(point: Point, order: Sequence[int]) -> Point:
    return tuple(point[axis] for axis in order)


def _boxes(points: Sequence[Point]) -> list[tuple[Point, ...]]:
    """Points as products, each of which has the values of every axis: values of the first axis go together that have
    the same points beyond it.
    """
    if not points[0]:
        return [()]
    beyond: dict[Hashable, list[Point]] = {}
    for first, *rest in points:
        beyond.setdefault(first, []).append(tuple(rest))
    alike: dict[frozenset[Point], list[Hashable]] = {}
    for first, rests in beyond.items():
        alike.setdefault(frozenset(rests), []).append(first)
    return [(tuple(firsts), *box) for firsts in alike.values() for box in _boxes(beyond[firsts[0]])]


def split(plan: Plan, block: Sequence[Cell], most: int) -> list[list[Cell]]:
    """A block as blocks of at most `most` cells, nearly equal: as few as products of parts of each field's values can
    be, and of these the most equal ones.

    Raises ValueError for a block that is no product, and for `most` below 1.
    """
    if most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    listed = plan.listed(block)
    cuts = _cuts({name: len(values) for name, values in listed.items()}, most)
    part = {
        name: {value: place * cuts[name] // len(values) for place, value in enumerate(values)}
        for name, values in listed.items()
    }
    parts: dict[Point, list[Cell]] = {}
    for cell in block:
        parts.setdefault(tuple(part[name][cell.values[name]] for name in listed), []).append(cell)
    return list(parts.values())


def _cuts(sizes: Mapping[str, int], most: int) -> dict[str, int]:
    """Into how many parts each field's values are cut."""

    def rank(cuts: Sequence[int]) -> tuple[Any, ...]:
        return math.prod(cuts), _largest(sizes.values(), cuts), -dict(zip(sizes, cuts, strict=True)).get(SEEDS, 1), cuts

    tried = itertools.product(*map(_tried, sizes.values()))
    best = min((cuts for cuts in tried if _largest(sizes.values(), cuts) <= most), key=rank)
    return dict(zip(sizes, best, strict=True))


def _largest(sizes: Iterable[int], cuts: Iterable[int]) -> int:
    """Cells of the largest part."""
    return math.prod(-(-size // count) for size, count in zip(sizes, cuts, strict=True))


def _tried(size: int) -> list[int]:
    """Numbers of parts worth trying: for each length that parts can have, the fewest that have none longer."""
    root = math.isqrt(size)
    return sorted({*range(1, root + 2), *(-(-size // length) for length in range(1, root + 1))})
