"""Reads tests/layers.py: in which layer a case starts, and which figures the chosen layer has."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from tests.instruction_sets import BEST, INSTRUCTION_SETS
from tests.layers import FIGURES, LAYERS, SETS, SLOW, STARTS, VALUES

T = TypeVar("T")

_chosen = "all"


def choose(layer: str) -> None:
    """Has `figure` read this layer's column."""
    global _chosen
    _chosen = layer


def figure(test: str) -> int:
    """The chosen layer's figure of a test."""
    return FIGURES[test][rank(_chosen)]


def rank(layer: str) -> int:
    return LAYERS.index(layer)


def names(test: str) -> list[str]:
    """What "tests/ops/test_it.py::test_this[1]" may go by in a table, the longest first."""
    path, _, function = test.partition("[")[0].partition("::")
    parts = path.split("/")
    files = ["/".join(parts[k:]) for k in range(len(parts))]
    return [*(f"{file}::{function}" for file in files), function, *files]


def entry(table: Mapping[str, T], test: str, otherwise: T) -> T:
    """What a table says of a test."""
    return next((table[name] for name in names(test) if name in table), otherwise)


def is_in(table: Collection[str], test: str) -> bool:
    return any(name in table for name in names(test))


def start(test: str, parameters: Mapping[str, object]) -> str:
    """The first layer that runs this case."""
    values = entry(VALUES, test, {})
    layers = [_start_of(value, values.get(name)) for name, value in parameters.items()]
    return max([entry(STARTS, test, "test"), *layers], key=rank)


def _start_of(value: object, values: Mapping[str, Sequence[object]] | None) -> str:
    if isinstance(value, str) and value in INSTRUCTION_SETS:
        value, values = "best" if value == BEST else "other", values or SETS
    if values is None:
        return LAYERS[0]
    return next((layer for layer, some in values.items() if str(value) in map(str, some)), "all")


def grows(test: str, before: str, after: str) -> bool:
    """Whether the later of two layers has another figure for a test."""
    figures = entry(FIGURES, test, (0,) * len(LAYERS))
    return figures[rank(before)] != figures[rank(after)]


def runs(test: str, first: str, layer: str, after: str | None) -> bool:
    """Whether a layer runs a case that starts in `first`, where `after` has run all of its own before."""
    if rank(first) > rank(layer):
        return False
    return after is None or rank(first) > rank(after) or grows(test, after, layer)


def urgency(test: str) -> int:
    """Where a test belongs in the order of a run: what takes long goes first, so that nobody waits for it alone."""
    places = [SLOW.index(name) for name in names(test) if name in SLOW]
    return min(places, default=len(SLOW))
