"""A bias as a value: text and back, names, sums, other processes."""

import doctest
import pickle

import pytest
import torch

import pyvae.data as data
from pyvae.data.bias import (
    Bias,
    Correlate,
    FactorTable,
    Remove,
    Resample,
    Skew,
    draw_rows,
)
from tests.data.biases import CASES, EVERY, FACTORS, GRID


def test_text_and_back() -> None:
    assert Bias.from_yaml(EVERY.to_yaml()) == EVERY == Bias.from_dict(EVERY.to_dict())
    assert Bias.from_yaml("changes: []") == Bias.none == Bias.from_dict(Bias.none.to_dict())
    text = """
    name: large hearts, seldom on the left
    changes:
    - resample: {factor: shape, shares: [0, 0, 1]}
    - remove: {scale: [0, 1], x: [0]}
    - correlate: {first: x, second: y, strength: 5}
    """
    bias = Bias.from_yaml(text)
    assert bias.name == "large hearts, seldom on the left"
    assert bias.changes == (Resample("shape", (0, 0, 1)), Remove({"scale": [0, 1], "x": [0]}), Correlate("x", "y", 5))
    assert eval(repr(EVERY), vars(data)) == EVERY


def test_names_say_what_a_bias_does() -> None:
    assert str(Bias.none) == Bias.none.name == "unbiased"
    assert EVERY.name == "all of them"
    assert str(EVERY) == (
        "skew b by 2, shift all factors by 1, correlate a and c by -5, remove a 0, 2 with b 1, resample c to 1:2.5"
    )


def test_biases_add_up_and_are_values() -> None:
    skew, named = Bias(Skew("b", 2.0)), Bias(Correlate("a", "c", 1.0), name="close")
    assert skew + named == Bias(Skew("b", 2.0), Correlate("a", "c", 1.0), name="skew b by 2 + close")
    assert skew + Skew("c", 1.0) == Bias(Skew("b", 2.0), Skew("c", 1.0))
    assert skew + Bias.none == skew == Bias.none + skew
    assert len({skew, Bias(Skew("b", 2)), named, Bias.none, Bias()}) == 3
    assert not Bias.none and skew
    with pytest.raises(AttributeError):
        skew.changes = ()  # type: ignore[misc]
    with pytest.raises(TypeError):
        skew + 1  # type: ignore[operator]


def test_what_yaml_takes_for_numbers_is_what_the_refusal_says() -> None:
    for text in ("1000.0", "1.0e-30", "1.0e+300"):
        bias = Bias.from_yaml(f"changes: [{{skew: {{factor: b, strength: {text}}}}}]")
        assert bias == Bias(Skew("b", float(text))) == Bias.from_yaml(bias.to_yaml())


def test_a_table_goes_to_another_process() -> None:
    table, bias = FactorTable(FACTORS, GRID), CASES["correlate"][0]
    before = draw_rows(table, 10, torch.tensor([1]), bias)
    assert torch.equal(draw_rows(pickle.loads(pickle.dumps(table)), 10, torch.tensor([1]), bias), before)
    assert pickle.loads(pickle.dumps(EVERY)) == EVERY and b"_hash" not in pickle.dumps(EVERY)


def test_the_example_gives_what_it_shows() -> None:
    runner = doctest.DocTestRunner()
    (example,) = doctest.DocTestFinder(recurse=False).find(Bias, "Bias", globs={**globals()})
    runner.run(example)
    assert example.examples and runner.failures == 0


def test_it_is_offered_where_data_sets_are() -> None:
    offered = {"Bias", "Correlate", "FactorTable", "Remove", "Resample", "Shift", "Skew", "effective_sample_size"}
    assert offered <= set(data.__all__)
