"""Axes as data: from grids, zips, draws and lists, one after another, to what is set in each cell.

Axes are a mapping of fields to lists of values, which is short for one grid, or a list of blocks:
- `grid` has every combination of its fields' values, the last field's changing fastest,
- `zip` takes its fields' lists, of equal length, side by side,
- `random` has `draws` cells, whose fields are drawn from `uniform`, `log_uniform` or `choice` by `seed`,
- `list` says of each cell what is set in it; what an entry leaves out is as in the base config.
Blocks are combined as a grid of blocks, the last one's changing fastest.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning.draws import drawn
from pyvae.sweeps.planning.given import what

MOST = 1_000_000
"""Cells at most: each has an id, a row and its place in a shard."""

Row = dict[str, Any]
"""What one block sets in a cell: raw values by field, as the file names it; of some a `Draw`."""


class Block(NamedTuple):
    """One block: its fields, how many rows it has, and the rows, made when they are asked for."""

    fields: tuple[str, ...]
    size: int
    rows: Callable[[], Iterable[Row]]


def expand(axes: object) -> list[Row]:
    """What is set in each cell, in order; numbers drawn from a range are `Draw`s, the other values as they were given.

    SweepError with one sentence for axes that are none, for a field in two blocks, and for more than `MOST` cells.
    """
    rows = itertools.product(*(block.rows() for block in blocks_of(axes)))
    return [{name: value for part in parts for name, value in part.items()} for parts in rows]


def blocks_of(axes: object) -> list[Block]:
    """The blocks of axes, checked but not expanded."""
    blocks = [KINDS[kind](given) for kind, given in _kinds_of(axes)]
    named: set[str] = set()
    for block in blocks:
        if twice := named & set(block.fields):
            raise SweepError(f"{min(twice)} must be in one block of axes, got it in two")
        named |= set(block.fields)
    if not named:
        raise SweepError("axes must name at least one field, got none")
    if (count := math.prod(block.size for block in blocks)) > MOST:
        raise SweepError(f"axes must make at most {MOST} cells, got {count}")
    return blocks


def _kinds_of(axes: object) -> list[tuple[str, object]]:
    """Kind and content of each block."""
    if isinstance(axes, Mapping):
        if kinds := [key for key in axes if key in KINDS]:
            if others := [key for key in axes if key not in KINDS]:
                raise SweepError(f"axes must be fields or blocks, got the block {kinds[0]} and the field {others[0]}")
            return list(axes.items())
        return [("grid", axes)] if axes else []
    if not isinstance(axes, list | tuple):
        raise SweepError(f"axes must be a mapping of fields to lists of values, or a list of blocks, got {what(axes)}")
    return [_kind_of(block) for block in axes]


def _kind_of(block: object) -> tuple[str, object]:
    expected = f"a block of axes must be a mapping of one of {', '.join(KINDS)}"
    if not isinstance(block, Mapping):
        raise SweepError(f"{expected}, got {what(block)}")
    if len(block) != 1 or not set(block) <= set(KINDS):
        raise SweepError(f"{expected}, got {', '.join(map(str, block)) or 'an empty one'}")
    ((kind, given),) = block.items()
    return kind, given


def _grid(given: object) -> Block:
    lists = _lists(given, "grid")
    for name, values in lists.items():
        _check_once(name, values)

    def rows() -> Iterable[Row]:
        return (dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values()))

    return Block(tuple(lists), math.prod(map(len, lists.values())), rows)


def _zip(given: object) -> Block:
    lists = _lists(given, "zip")
    lengths = {name: len(values) for name, values in lists.items()}
    if len(set(lengths.values())) > 1:
        told = " and ".join(f"{count} of {name}" for name, count in lengths.items())
        raise SweepError(f"zip must have as many values of each field, got {told}")

    def rows() -> Iterable[Row]:
        return (dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True))

    return Block(tuple(lists), next(iter(lengths.values())), rows)


def _random(given: object) -> Block:
    if not isinstance(given, Mapping):
        raise SweepError(f"random must be a mapping of draws, seed and fields, got {what(given)}")
    draws, seed = given.get("draws"), given.get("seed", 0)
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
        raise SweepError(f"draws of random must be a whole number, at least 1, got {what(draws)}")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise SweepError(f"seed of random must be a whole number, got {what(seed)}")
    fields = {name: how for name, how in given.items() if name not in ("draws", "seed")}
    _check_some(fields, "random")
    for name, how in fields.items():
        drawn(name, how, seed, 0)  # its refusals come before others' draws

    def rows() -> Iterable[Row]:
        columns = [drawn(name, how, seed, draws) for name, how in fields.items()]
        return (dict(zip(fields, values, strict=True)) for values in zip(*columns, strict=True))

    return Block(tuple(fields), draws, rows)


def _list(given: object) -> Block:
    if not isinstance(given, list | tuple) or not given:
        raise SweepError(f"list must be a list of at least one mapping, got {_got(given)}")
    for entry in given:
        if not isinstance(entry, Mapping):
            raise SweepError(f"list must be a list of mappings of fields to values, got {entry!r} in it")
        for name, value in entry.items():
            _check_value(name, value)
    fields = dict.fromkeys(name for entry in given for name in entry)
    return Block(tuple(fields), len(given), lambda: map(dict, given))


KINDS: Mapping[str, Callable[[object], Block]] = {"grid": _grid, "zip": _zip, "random": _random, "list": _list}
"""How each kind of block is read."""


def _lists(given: object, kind: str) -> dict[str, list[Any]]:
    """The lists of values of a grid or zip, by their fields."""
    if not isinstance(given, Mapping):
        raise SweepError(f"{kind} must be a mapping of fields to lists of values, got {what(given)}")
    _check_some(given, kind)
    for name, values in given.items():
        if isinstance(values, Mapping):
            raise SweepError(f"{name} must be a list of values, got a mapping: what is drawn belongs into random")
        if not isinstance(values, list | tuple) or not values:
            raise SweepError(f"{name} must be a list of at least one value, got {_got(values)}")
        for value in values:
            _check_value(name, value)
    return {name: list(values) for name, values in given.items()}


def _check_some(fields: Mapping[Any, object], kind: str) -> None:
    if not fields:
        raise SweepError(f"{kind} must name at least one field, got none")


def _check_value(name: str, value: object) -> None:
    if isinstance(value, Mapping):
        raise SweepError(f"{name} must take a number, a text or a list in a cell, got a mapping")


def _check_once(name: str, values: list[Any]) -> None:
    seen = set()
    for value in values:
        if (same := _comparable(value)) in seen:
            raise SweepError(f"{name} must not name a value twice, got {value!r} again")
        seen.add(same)


def _comparable(value: Any) -> Any:
    """What is the same for values that a setting may read as the same, such as 0.001 and the text "1e-3"."""
    if isinstance(value, str) and "," in value:
        value = value.split(",")
    if isinstance(value, list | tuple):
        items = tuple(map(_comparable, value))
        return items[0] if len(items) == 1 else items
    if not isinstance(value, str):
        return repr(value) if isinstance(value, bool) else value
    for number in (int, float):
        try:
            return number(value)
        except ValueError:
            continue
    return value.strip()


def _got(value: object) -> str:
    return "an empty one" if isinstance(value, list | tuple) and not value else what(value)
