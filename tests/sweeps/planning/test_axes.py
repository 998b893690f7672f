"""Axes as data: every kind of block, their combination, and a sentence for what is none."""

import pytest

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning import axes as axes_module
from pyvae.sweeps.planning.axes import expand
from pyvae.sweeps.planning.draws import Draw, share


def test_fields_are_short_for_a_grid_whose_last_field_changes_fastest() -> None:
    fields = {"strengths": [1, 2], "hidden": [[64, 64], "32"]}
    expected = [
        {"strengths": 1, "hidden": [64, 64]},
        {"strengths": 1, "hidden": "32"},
        {"strengths": 2, "hidden": [64, 64]},
        {"strengths": 2, "hidden": "32"},
    ]
    assert expand(fields) == expand([{"grid": fields}]) == expand({"grid": fields}) == expected
    assert list(expand(fields)[0]) == ["strengths", "hidden"]


def test_zip_takes_lists_side_by_side_and_a_list_what_it_has() -> None:
    assert expand({"zip": {"a": [1, 2, 1], "b": [3, 4, 4]}}) == [{"a": 1, "b": 3}, {"a": 2, "b": 4}, {"a": 1, "b": 4}]
    entries = [{"a": 1}, {}, {"b": 2, "a": None}]
    assert expand({"list": entries}) == entries


def test_blocks_are_combined_as_a_grid_of_blocks() -> None:
    made = expand([{"zip": {"a": [1, 2], "b": [3, 4]}}, {"grid": {"c": [5, 6]}}, {"list": [{"d": 7}]}])
    assert [(row["a"], row["b"], row["c"], row["d"]) for row in made] == [
        (1, 3, 5, 7), (1, 3, 6, 7), (2, 4, 5, 7), (2, 4, 6, 7),
    ]  # fmt: skip


def test_draws_are_those_of_their_field_seed_and_number() -> None:
    block = {"draws": 5, "seed": 3, "a": {"uniform": [0, 1]}, "b": {"choice": ["x", "y"]}}
    rows = expand({"random": block})
    assert [row["a"] for row in rows] == [Draw("a", 0, 1, False, share(3, "a", draw)) for draw in range(5)]
    assert {row["b"] for row in rows} == {"x", "y"}
    alone = expand({"random": {"draws": 5, "seed": 3, "a": {"uniform": [0, 1]}}})
    assert [row["a"] for row in alone] == [row["a"] for row in rows]
    assert expand({"random": {**block, "draws": 9}})[:5] == rows
    assert expand({"random": {**block, "seed": 4}}) != rows
    unnamed = {name: how for name, how in block.items() if name != "seed"}
    assert expand({"random": unnamed}) == expand({"random": {**block, "seed": 0}})


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        (3, "axes must be a mapping of fields to lists of values, or a list of blocks, got 3"),
        (None, "axes must be a mapping of fields to lists of values, or a list of blocks, got nothing"),
        ({}, "axes must name at least one field, got none"),
        ([], "axes must name at least one field, got none"),
        ({"list": [{}]}, "axes must name at least one field, got none"),
        ({"grid": {}}, "grid must name at least one field, got none"),
        ({"zip": {}}, "zip must name at least one field, got none"),
        ({"random": {"draws": 1}}, "random must name at least one field, got none"),
        ({"a": 4}, "a must be a list of at least one value, got 4"),
        ({"a": []}, "a must be a list of at least one value, got an empty one"),
        ({"a": None}, "a must be a list of at least one value, got nothing"),
        ({"a": {"uniform": [1, 2]}}, "a must be a list of values, got a mapping: what is drawn belongs into random"),
        ({"a": [1, {"b": 2}]}, "a must take a number, a text or a list in a cell, got a mapping"),
        ({"list": [{"a": {"b": 2}}]}, "a must take a number, a text or a list in a cell, got a mapping"),
        ({"a": [1, 2, 1.0]}, "a must not name a value twice, got 1.0 again"),
        ({"a": [0.001, "1e-3"]}, "a must not name a value twice, got '1e-3' again"),
        ({"a": [[64, 64], "64, 64"]}, "a must not name a value twice, got '64, 64' again"),
        ({"a": [[4], "4"]}, "a must not name a value twice, got '4' again"),
        ({"grid": {"a": [1]}, "b": [2]}, "axes must be fields or blocks, got the block grid and the field b"),
        (
            [{"gird": {"a": [1]}}],
            "a block of axes must be a mapping of one of grid, zip, random, list, got gird",
        ),
        ([{}], "a block of axes must be a mapping of one of grid, zip, random, list, got an empty one"),
        ([4], "a block of axes must be a mapping of one of grid, zip, random, list, got 4"),
        ([{"grid": [1]}], "grid must be a mapping of fields to lists of values, got a list"),
        (
            [{"grid": {"a": [1]}}, {"zip": {"b": [1], "a": [2]}}],
            "a must be in one block of axes, got it in two",
        ),
        ({"zip": {"a": [1, 2], "b": [3]}}, "zip must have as many values of each field, got 2 of a and 1 of b"),
        ({"list": {"a": [1]}}, "list must be a list of at least one mapping, got a mapping"),
        ({"list": []}, "list must be a list of at least one mapping, got an empty one"),
        ({"list": [3]}, "list must be a list of mappings of fields to values, got 3 in it"),
        ({"random": [3]}, "random must be a mapping of draws, seed and fields, got a list"),
        ({"random": {"a": {"choice": [1]}}}, "draws of random must be a whole number, at least 1, got nothing"),
        ({"random": {"draws": True}}, "draws of random must be a whole number, at least 1, got True"),
        ({"random": {"draws": 0}}, "draws of random must be a whole number, at least 1, got 0"),
        ({"random": {"draws": 1, "seed": "x"}}, "seed of random must be a whole number, got 'x'"),
        ({"random": {"draws": 1, "a": [1]}}, "a of random must be a mapping of one of uniform, log_uniform and choice"),
    ],
)
def test_what_are_no_axes_is_one_sentence(axes, sentence) -> None:
    with pytest.raises(SweepError) as caught:
        expand(axes)
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


def test_neighbouring_large_numbers_are_no_value_twice() -> None:
    assert len(expand({"seeds": [2**53, 2**53 + 1, str(2**53 + 2)]})) == 3


def test_millions_of_cells_are_refused_before_they_are_made(monkeypatch) -> None:
    def never(*_) -> None:
        raise AssertionError("was expanded")

    monkeypatch.setattr(axes_module.itertools, "product", never)
    thousand = list(range(1000))
    block = {"random": {"draws": 10**15, "c": {"uniform": [0, 1]}}}
    for axes, count in (({"a": thousand, "b": thousand, "c": [1, 2]}, "2000000"), (block, "1000000000000000")):
        with pytest.raises(SweepError, match=f"^axes must make at most 1000000 cells, got {count}$"):
            expand(axes)
