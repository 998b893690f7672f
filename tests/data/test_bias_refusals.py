"""A wrong bias, and wrong values for a right one, are one sentence each."""

import math
from collections.abc import Callable

import pytest
import torch

from pyvae.data import Factor
from pyvae.data.bias import (
    Bias,
    Change,
    Correlate,
    FactorTable,
    Remove,
    Resample,
    Shift,
    Skew,
    draw_factors,
    effective_sample_size,
)
from tests.data.biases import CONTINUOUS, FACTORS, GRID, A


def one(bias: Change | Bias, factors: object = FACTORS) -> Callable[[], object]:
    whole = bias if isinstance(bias, Bias) else Bias(bias)
    return lambda: whole.check(factors)


SEED = torch.tensor([1])
TABLE = FactorTable(FACTORS, GRID)
YEARS = FactorTable(FACTORS, GRID, GRID * 2 + 1990)
WRONG: list[tuple[Callable[[], object], type[Exception], str]] = [
    (one(Skew("d", 1.0)), ValueError, "bias must name factors among a, b, c, got 'd'"),
    (one(Skew("z", 1.0), CONTINUOUS), ValueError, "bias can skew factors with a number of values, and z is continuous"),
    (one(Shift("b", 1.0)), ValueError, "bias shifts continuous factors only, and b takes 4 values: skew it"),
    (one(Shift("*", 1.0)), ValueError, "bias shifts continuous factors, and here is none"),
    (one(Shift("z", 1.0), FactorTable(CONTINUOUS, torch.randn(3, 2))), ValueError, "those of a table are labels"),
    (one(Correlate("a", "o", 1.0), (A, Factor("o", 1))), ValueError, "of at least 2 values, and o takes 1"),
    (one(Remove({"a": [3]})), ValueError, "bias removes values of a from 0 to 2, got 3"),
    (one(Remove({"a": [0, 1, 2]})), ValueError, "must leave a combination of a, and after remove a 0, 1, 2 none"),
    (one(Bias(Remove({"a": [0]}), Remove({"a": [1, 2]})), TABLE), ValueError, "must leave a combination of a"),
    (one(Resample("a", (1, 2))), ValueError, "shares must be 3 numbers for a, got 2"),
    (one(Bias(Remove({"a": [0]}), Resample("a", (1, 1, 1)))), ValueError, "shares must be 0 for a 0, which never"),
    (one(Skew("a", 1.0), (A, A)), ValueError, "factors must have different names, got a, a"),
    (one(Remove({f"f{k}": [0] for k in range(5)}), [Factor(f"f{k}", 100) for k in range(5)]), ValueError,
     "bias must link factors of at most 67108864 combinations, got 10000000000 of f0, f1, f2, f3, f4"),
    (one(Bias(Skew("a", 1e308), Skew("a", 1e308))), ValueError,
     "bias must add up to finite strengths for a, and after skew a by 1e\\+308 it does not"),
    (lambda: Skew("a", math.nan), ValueError, "strength must be finite, got nan"),
    (lambda: Skew("a", "much"), TypeError, "strength must be a number, got 'much'"),
    (lambda: Bias.from_yaml("changes: [{skew: {factor: a, strength: 1e3}}]"), TypeError,
     "strength must be a number, got '1e3', a text: YAML takes 1e3 for one, write 1000.0$"),
    (lambda: Bias.from_yaml("changes: [{resample: {factor: a, shares: [1, 1e-30, 1]}}]"), TypeError,
     "shares must be a number, got '1e-30', a text: YAML takes 1e-30 for one, write 1.0e-30$"),
    (lambda: Bias.none.weights("abc", FACTORS), TypeError, "values must be a tensor, an array or lists of num"),
    (lambda: effective_sample_size(["a"]), TypeError, "weights must be a tensor, an array or lists of num"),
    (lambda: Skew(1, 1.0), TypeError, "factor must be the name of a factor, got 1"),
    (lambda: Correlate("a", "a", 1.0), ValueError, "first and second must be two factors, got 'a' twice"),
    (lambda: Remove([1, 2]), TypeError, "remove must be a mapping as"),
    (lambda: Remove({}), ValueError, "remove must name at least one factor"),
    (lambda: Remove({"a": []}), ValueError, "remove must list values from 0 for a"),
    (lambda: Remove({"a": 1}), TypeError, "remove must list whole numbers for a, got 1"),
    (lambda: Remove({"a": [0.5]}), TypeError, "remove must list whole numbers for a"),
    (lambda: Remove({"a": [-1]}), ValueError, "remove must list values from 0 for a"),
    (lambda: Resample("a", 0.5), TypeError, "shares must be a list of numbers, got 0.5"),
    (lambda: Resample("a", (0, 0)), ValueError, "shares must be numbers of at least 0 with a positive sum"),
    (lambda: Resample("a", (-1, 2)), ValueError, "shares must be numbers of at least 0 with a positive sum"),
    (lambda: Bias("skew"), TypeError, "changes must be of the kinds Skew, Shift, Correlate, Remove, Resample"),
    (lambda: Bias(name=""), TypeError, "name must be a text, got ''"),
    (lambda: Bias.from_yaml("- 1"), TypeError, "bias must be a mapping with changes"),
    (lambda: Bias.from_yaml("{"), ValueError, "bias must be YAML"),
    (lambda: Bias.from_yaml("!!python/object/apply:os.system ['true']"), ValueError, "bias must be YAML"),
    (lambda: Bias.from_yaml("{changes: [], colour: 1}"), ValueError, "bias must have changes and may have a name"),
    (lambda: Bias.from_yaml("name: x"), ValueError, "bias must have changes and may have a name, got name"),
    (lambda: Bias.from_yaml("changes: skew"), TypeError, "changes must be a list, got 'skew'"),
    (lambda: Bias.from_yaml("changes: [skew]"), TypeError, "changes must each be one kind with its fields"),
    (lambda: Bias.from_yaml("changes: [{turn: {}}]"), ValueError, "changes must be of the kinds skew, .*, got 'turn'"),
    (lambda: Bias.from_yaml("changes: [{skew: 2}]"), TypeError, "skew must have its fields by name, got 2"),
    (lambda: Bias.from_yaml("changes: [{skew: {factor: a}}]"), ValueError, "skew must have the fields factor and str"),
    (lambda: Bias(Remove({"a": [1]})).weights([[0, 0, 0], [1, 2, 3]], FACTORS), ValueError,
     r"values must be ones that the bias draws, and it never draws \[1, 2, 3\]"),
    (lambda: Bias(Resample("a", (1, 0, 1))).weights([1, 0, 0], TABLE), ValueError, r"it never draws \[1, 0, 0\]"),
    (lambda: Bias(Skew("a", 1.0)).weights([2, 0, 0], FactorTable(FACTORS, GRID[:40])), ValueError, "it never draws"),
    (lambda: Bias(Skew("a", 1.0)).weights([[3, 0, 0]], FACTORS), ValueError, "whole numbers from 0 to 2 for a"),
    (lambda: Bias(Skew("a", 1.0)).weights([[0.5, 0, 0]], FACTORS), ValueError, "numbers from 0 to 2 for a, got 0.5"),
    (lambda: Bias.none.weights([[0, 0]], FACTORS), ValueError, r"values must have shape \[..., 3\], got \[1, 2\]"),
    (lambda: Bias.none.weights([60], TABLE), ValueError, r"values must have shape \[..., 3\], got \[1\]"),
    (lambda: Bias(Shift("*", 20.0)).weights([[-30.0, 0.0]], CONTINUOUS), ValueError, "values must have weights below"),
    (lambda: FactorTable(FACTORS, GRID + 1), ValueError, "labels must be whole numbers from 0 to 2 for a"),
    (lambda: FactorTable(FACTORS, GRID, GRID[:9]), ValueError, r"values must have the labels' shape \[60, 3\], got"),
    (lambda: FactorTable(FACTORS, GRID, GRID // 2), ValueError, "labels must be equal where values are, .* value of a"),
    (lambda: Bias(Skew("a", 1.0)).weights([0, 0, 0], YEARS), ValueError,
     "values must be ones that the data have for a, 1990, 1992, 1994, got 0"),
    (lambda: Bias(Skew("a", 1.0)).weights([math.nan, 0, 0], YEARS), ValueError, "1990, 1992, 1994, got nan"),
    (lambda: FactorTable(FACTORS, GRID[:, :2]), ValueError, r"labels must have shape \[N, 3\], got \[60, 2\]"),
    (lambda: draw_factors(FACTORS, 0, SEED), ValueError, "count must be at least 1"),
    (lambda: draw_factors(FACTORS, 1, SEED, [Bias.none] * 2), ValueError, "one for each of 1 models, got 2"),
    (lambda: draw_factors(FACTORS, 1, SEED, "skew"), TypeError, "bias must be a Bias, one for each model, or None"),
    (lambda: draw_factors(CONTINUOUS, 1, SEED, {"y": [1.0]}), ValueError, "bias can weigh factors with a number"),
    (lambda: effective_sample_size([0.0, 0.0]), ValueError, "weights must be"),
    (lambda: effective_sample_size([1.0, math.nan]), ValueError, "weights must be"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "sentence"), WRONG, ids=[sentence for _, _, sentence in WRONG])
def test_wrong_input_is_one_sentence(call: Callable[[], object], kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        call()
