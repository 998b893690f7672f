"""tests/layers.py names tests that are there, and layers hold what the ones before them hold."""

import re
from pathlib import Path

import pytest

from tests import layers, selection
from tests.instruction_sets import BEST, INSTRUCTION_SETS

TESTS = Path(__file__).parent
NAMED = {*layers.STARTS, *layers.VALUES, *layers.FIGURES, *layers.SERIAL, *layers.SLOW}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_what_a_table_names_is_there(name: str) -> None:
    path, _, function = name.rpartition("::") if "::" in name or not name.endswith(".py") else (name, "", "")
    files = [file for file in TESTS.rglob("test_*.py") if f"/{file}".endswith(f"/{path}") or not path]
    assert any(re.search(rf"^def {function}\(", file.read_text(), re.MULTILINE) or not function for file in files)


def test_no_figure_falls_from_layer_to_layer() -> None:
    for name, figures in layers.FIGURES.items():
        assert sorted(figures) == list(figures) and len(figures) == len(layers.LAYERS), name


def test_every_start_is_a_layer() -> None:
    for values in layers.VALUES.values():
        assert all(by_layer.keys() <= set(layers.LAYERS) for by_layer in values.values())
    assert set(layers.STARTS.values()) <= set(layers.LAYERS)


def test_the_longest_entry_counts() -> None:
    table = {"test_it.py": 1, "test_this": 2, "ops/test_it.py::test_this": 3}
    assert selection.entry(table, "tests/ops/test_it.py::test_this[a::b]", 0) == 3
    assert selection.entry(table, "tests/test_it.py::test_this", 0) == 2
    assert selection.entry(table, "tests/ops/test_it.py::test_that", 0) == 1
    assert selection.entry(table, "tests/test_other.py::test_that", 0) == 0


def test_a_case_starts_with_the_last_of_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(layers.STARTS, "test_this", "check")
    monkeypatch.setitem(layers.VALUES, "test_this", {"size": {"check": [17], "test": [(2, 3)]}})
    starts = [selection.start("test_it.py::test_this", {"size": size, "op": "any"}) for size in (17, (2, 3), 4)]
    assert starts == ["check", "test", "all"]
    assert selection.start("test_it.py::test_this", {"size": 17, "isa": BEST}) == "check"
    for other in set(INSTRUCTION_SETS) - {BEST}:
        assert selection.start("test_it.py::test_this", {"size": 17, "isa": other}) == "test"
    assert selection.start("test_it.py::test_that", {"size": 4}) == "test"


@pytest.mark.parametrize("first", layers.LAYERS)
def test_a_layer_and_what_comes_after_it_are_the_later_layer(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    monkeypatch.setitem(layers.FIGURES, "test_more", (1, 2, 3, 4))
    for test, is_repeated in (("test_it.py::test_this", False), ("test_it.py::test_more", True)):
        in_test = selection.runs(test, first, "test", None)
        in_rest = selection.runs(test, first, "all", "test")
        assert (in_test or in_rest) == selection.runs(test, first, "all", None)
        assert (in_test and in_rest) == (in_test and is_repeated)
