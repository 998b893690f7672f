"""Biases against their formulas, by enumeration of all combinations and by frequencies of draws."""

import math
from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Tensor

import pyvae.data as data
from pyvae.data import BlockGrid, Factor, Sprites
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
    draw_rows,
    effective_sample_size,
)

A, B, C = FACTORS = (Factor("a", 3, nominal=True), Factor("b", 4), Factor("c", 5))
GRID = torch.cartesian_prod(*(torch.arange(factor.size or 1) for factor in FACTORS))
CONTINUOUS = (Factor("y"), Factor("z"))


def normalised(p: Tensor) -> Tensor:
    return p / p.sum()


def resampled(p: Tensor, column: int, shares: list[float]) -> Tensor:
    """Each value's rows brought to its share, one by one."""
    out = p.clone()
    for value, share in enumerate(shares):
        rows = GRID[:, column] == value
        out[rows] *= share / sum(shares) / p[rows].sum()
    return out


a, b, c = GRID.double().unbind(-1)
EVEN = torch.full((len(GRID),), 1 / len(GRID), dtype=torch.float64)
SKEWED = normalised(torch.exp(2.0 * b / 3))
CASES: dict[str, tuple[Bias, Tensor]] = {
    "none": (Bias.none, EVEN),
    "skew": (Bias(Skew("b", 2.0)), SKEWED),
    "skew down": (Bias(Skew("c", -3.0)), normalised(torch.exp(-3.0 * c / 4))),
    "correlate": (Bias(Correlate("a", "c", 5.0)), normalised(torch.exp(-((a / 2 - c / 4) ** 2) * 25 / 2))),
    "anticorrelate": (Bias(Correlate("c", "b", -4.0)), normalised(torch.exp(-((c / 4 - 1 + b / 3) ** 2) * 16 / 2))),
    "remove": (Bias(Remove({"a": [1], "c": [0, 4]})), normalised(1.0 - ((a == 1) & ((c == 0) | (c == 4))).double())),
    "resample": (Bias(Resample("a", (1.0, 0.0, 3.0))), resampled(EVEN, 0, [1.0, 0.0, 3.0])),
    "skew, resample": (Bias(Skew("b", 2.0), Resample("b", (1, 1, 1, 2))), resampled(EVEN, 1, [1, 1, 1, 2])),
    "resample, skew": (
        Bias(Resample("b", (1, 1, 1, 2)), Skew("b", 2.0)),
        normalised(resampled(EVEN, 1, [1, 1, 1, 2]) * torch.exp(2.0 * b / 3)),
    ),
    "correlate, resample": (
        Bias(Correlate("a", "c", 5.0), Skew("a", 1.0), Resample("c", (5, 4, 3, 2, 1))),
        resampled(normalised(torch.exp(-((a / 2 - c / 4) ** 2) * 25 / 2 + a / 2)), 2, [5, 4, 3, 2, 1]),
    ),
    "all linked": (
        Bias(Correlate("a", "c", 2.0), Correlate("b", "c", -1.0), Remove({"a": [0], "b": [0, 2], "c": [3]})),
        normalised(
            torch.exp(-((a / 2 - c / 4) ** 2) * 2 - (b / 3 - 1 + c / 4) ** 2 / 2)
            * (1.0 - ((a == 0) & ((b == 0) | (b == 2)) & (c == 3)).double())
        ),
    ),
}
cases = pytest.mark.parametrize(("bias", "p"), CASES.values(), ids=CASES)


def numbers(factors: Tensor) -> Tensor:
    """Of rows of GRID."""
    return (factors[..., 0] * 4 + factors[..., 1]) * 5 + factors[..., 2]


def is_drawn_from(found: Tensor, p: Tensor) -> bool:
    """Whether counts of numbers agree with probabilities, at one in a thousand, and none is of probability 0."""
    counts = torch.bincount(found.flatten(), minlength=len(p))
    some = p > 0
    if counts[~some].any():
        return False
    return float(stats.chisquare(counts[some].numpy(), (p[some] * found.numel()).numpy()).pvalue) > 1e-3


@cases
def test_weights_times_the_biased_distribution_are_the_unbiased_one(bias: Bias, p: Tensor) -> None:
    kept = bias.support(GRID, FACTORS)
    assert torch.equal(kept, p > 0)
    weights = bias.weights(GRID[kept], FACTORS)
    assert weights.dtype == torch.float64
    torch.testing.assert_close(weights * p[kept], EVEN[kept], rtol=1e-12, atol=0)
    torch.testing.assert_close(bias.log_weights(GRID[kept], FACTORS).exp(), weights)
    share = (weights * p[kept]).sum() ** 2 / (weights**2 * p[kept]).sum()
    assert bias.effective_share(FACTORS) == pytest.approx(float(share), rel=1e-12)


@cases
def test_draws_have_the_frequencies_of_the_formula(bias: Bias, p: Tensor) -> None:
    drawn = draw_factors(FACTORS, 20_000, torch.tensor([11]), bias)
    assert drawn.dtype == torch.int64 and drawn.shape == (1, 20_000, 3)
    assert is_drawn_from(numbers(drawn), p)
    weights = bias.weights(drawn, FACTORS)
    # Over draws the weights' mean is the unbiased probability of what is drawn, to five standard errors.
    expected = float((p > 0).double().mean())
    error = math.sqrt(expected**2 * (1 / bias.effective_share(FACTORS) - 1) / 20_000)
    assert float(weights.mean()) == pytest.approx(expected, abs=5 * error + 1e-9)
    if bias.effective_share(FACTORS) > 0.1:  # below, single draws that never come decide
        share = float(effective_sample_size(weights)) / 20_000
        assert share == pytest.approx(bias.effective_share(FACTORS), rel=0.1)


@cases
def test_a_table_of_all_combinations_is_the_grid(bias: Bias, p: Tensor) -> None:
    table = FactorTable(FACTORS, GRID)
    assert torch.equal(bias.support(torch.arange(60), table), p > 0)
    rows = draw_rows(table, 20_000, torch.tensor([12]), bias)
    assert rows.shape == (1, 20_000) and is_drawn_from(rows, p)
    torch.testing.assert_close(bias.weights(rows, table), bias.weights(GRID[rows], FACTORS))
    assert bias.effective_share(table) == pytest.approx(bias.effective_share(FACTORS), rel=1e-12)


def test_a_resampled_table_keeps_what_is_given_the_attribute() -> None:
    """Two attributes that go together; resampled by one, the share of the other among its values is as before."""
    factors = (Factor("glasses", 2), Factor("smiling", 2))
    labels = torch.tensor([[0, 0]] * 50 + [[0, 1]] * 30 + [[1, 0]] * 5 + [[1, 1]] * 15)
    table, bias = FactorTable(factors, labels), Bias(Resample("glasses", (0.5, 0.5)))
    p = torch.tensor([0.5 / 80] * 80 + [0.5 / 20] * 20, dtype=torch.float64)
    torch.testing.assert_close(
        bias.weights(torch.arange(100), table) * p, torch.full((100,), 0.01, dtype=torch.float64)
    )
    rows = draw_rows(table, 20_000, torch.tensor([1]), bias)[0]
    drawn = labels[rows].double()
    assert is_drawn_from(rows, p)
    assert float(drawn[:, 0].mean()) == pytest.approx(0.5, abs=0.02)
    assert float(drawn[drawn[:, 0] == 1, 1].mean()) == pytest.approx(0.75, abs=0.02)


def test_continuous_factors_shift() -> None:
    both, one = Bias(Shift("*", 1.0)), Bias(Shift("z", -2.0))
    z = torch.tensor([[0.5, -1.0], [2.0, 3.0]])
    normal = torch.distributions.Normal
    expected = normal(0.0, 1.0).log_prob(z) - normal(torch.tensor([1.0, -1.0]), 1.0).log_prob(z)
    bias = both + one
    torch.testing.assert_close(bias.log_weights(z, CONTINUOUS).float(), expected.sum(-1))
    assert bias.effective_share(CONTINUOUS) == pytest.approx(math.exp(-2))
    drawn = draw_factors(CONTINUOUS, 40_000, torch.tensor([3]), bias)
    assert drawn.dtype == torch.float32
    assert torch.allclose(drawn[0].mean(0), torch.tensor([1.0, -1.0]), atol=0.03)
    assert torch.allclose(drawn[0].std(0), torch.ones(2), atol=0.03)
    assert float(bias.weights(drawn, CONTINUOUS).mean()) == pytest.approx(1, abs=0.1)
    assert bool(bias.support(z * 1e6, CONTINUOUS).all())
    assert torch.equal(Bias.none.weights(z * math.inf, CONTINUOUS), torch.ones(2).double())


def test_continuous_and_finite_factors_are_drawn_together() -> None:
    factors = (Factor("z"), *FACTORS)
    bias = Bias(Shift("z", 2.0), Correlate("a", "c", 5.0))
    drawn = draw_factors(factors, 20_000, torch.tensor([4]), bias)
    assert drawn.dtype == torch.float32
    assert float(drawn[..., 0].mean()) == pytest.approx(2, abs=0.04)
    assert is_drawn_from(numbers(drawn[..., 1:].long()), CASES["correlate"][1])


def test_a_model_draws_in_a_stack_what_it_draws_alone() -> None:
    biases = [bias for bias, _ in CASES.values()]
    seeds = torch.arange(len(biases)) - 5
    together = draw_factors(FACTORS, 4000, seeds, biases)
    table = FactorTable(FACTORS, GRID)
    rows = draw_rows(table, 4000, seeds, biases)
    for k, bias in enumerate(biases):
        assert torch.equal(draw_factors(FACTORS, 4000, seeds[k : k + 1], bias)[0], together[k])
        assert torch.equal(draw_rows(table, 4000, seeds[k : k + 1], [bias])[0], rows[k])


def test_other_factors_draw_the_same_whatever_the_bias_does() -> None:
    seeds = torch.tensor([1, 2])
    plain, biased = (draw_factors(FACTORS, 500, seeds, bias) for bias in (None, Bias(Correlate("a", "c", 3.0))))
    assert torch.equal(plain[..., 1], biased[..., 1]) and not torch.equal(plain, biased)


def test_a_million_combinations_are_all_as_likely() -> None:
    """Above 0.5 the 24 bits of a float32 are 16 numbers for some of a million combinations and 17 for the others."""
    factors, first = (Factor("p", 1000), Factor("q", 1000)), Bias(Remove({"p": [0], "q": [0]}))
    drawn = draw_factors(factors, 2_000_000, torch.tensor([5]), first)[0]
    places = drawn[:, 0] * 1000 + drawn[:, 1] - 1
    edges = (torch.arange(1_000_000).double() / 999_999 * 2**24).ceil()
    has_few = edges.diff()[500_000:] == 16
    counts = torch.bincount(places, minlength=999_999)[500_000:]
    few, all_of_them = int(counts[has_few].sum()), int(counts.sum())
    assert stats.binomtest(few, all_of_them, float(has_few.double().mean())).pvalue > 1e-3
    assert is_drawn_from(places // 10_000, torch.full((100,), 0.01, dtype=torch.float64))


def test_weights_of_values_are_resampling() -> None:
    each = {"b": torch.tensor([[1.0, 0, 0, 1], [0, 0, 5, 0]]), "a": [1.0, 2, 3]}
    biases = [Bias(Resample("b", (1, 0, 0, 1)), Resample("a", (1, 2, 3))),
              Bias(Resample("b", (0, 0, 5, 0)), Resample("a", (1, 2, 3)))]  # fmt: skip
    seeds = torch.tensor([1, 2])
    assert torch.equal(draw_factors(FACTORS, 100, seeds, each), draw_factors(FACTORS, 100, seeds, biases))


def test_data_sets_take_biases_and_keep_their_test_set() -> None:
    grid, sprites = BlockGrid(blocks=2, pixels=1), Sprites(sizes=(3, 2, 4, 3, 5), side=12)
    streams = {"factors": torch.tensor([1, 2]), "pixels": torch.tensor([3, 4])}
    before = grid.test_factors(), sprites.test_factors()
    shifted = grid.draw(10, streams, [Bias(Shift("*", 1.5)), Bias.none])
    assert torch.equal(shifted.images, grid.draw(10, streams, torch.tensor([1.5, 0.0])).images)
    one_block = grid.draw(10, streams, Bias(Shift("block 3", 2.0))).factors - grid.draw(10, streams).factors
    assert torch.allclose(one_block, torch.tensor([0.0, 0, 0, 2]), atol=1e-6)
    bias = Bias(Correlate("x", "y", 20.0), Skew("scale", -3.0))
    drawn = sprites.draw(50, {"factors": streams["factors"]}, bias)
    assert torch.equal(drawn.factors, draw_factors(sprites.factors, 50, streams["factors"], bias))
    assert torch.equal(drawn.images, sprites.images(drawn.factors))
    assert torch.equal(before[0], grid.test_factors()) and torch.equal(before[1], sprites.test_factors())


EVERY = Bias(
    Skew("b", 2.0),
    Shift("*", 1.0),
    Correlate("a", "c", -5.0),
    Remove({"a": [2, 0], "b": [1]}),
    Resample("c", (1, 2.5)),
    name="all of them",
)


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
    assert eval(repr(EVERY)) == EVERY


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


@pytest.mark.parametrize("change", [Skew("b", 3.0), Correlate("a", "b", 3.0), Remove({"b": [1]})], ids=str)
def test_these_changes_may_come_in_any_order(change: Change) -> None:
    first, last = Bias(change, Correlate("b", "c", 2.0)), Bias(Correlate("b", "c", 2.0), change)
    kept = first.support(GRID, FACTORS)
    torch.testing.assert_close(first.weights(GRID[kept], FACTORS), last.weights(GRID[kept], FACTORS))


def test_a_strength_far_out_keeps_every_weight_finite() -> None:
    bias = Bias(Skew("b", 500.0))
    weights = bias.log_weights(GRID, FACTORS)
    assert bool(weights.isfinite().all()) and bool(bias.support(GRID, FACTORS).all())
    assert float(weights.max()) == pytest.approx(500 - math.log(4))


def test_effective_sample_size() -> None:
    assert effective_sample_size(torch.full((7,), 3e200, dtype=torch.float64)).item() == pytest.approx(7)
    assert effective_sample_size([[1.0, 0, 0], [1, 1, 0]]).tolist() == [1, 2]


def one(bias: Change | Bias, factors: object = FACTORS) -> Callable[[], object]:
    whole = bias if isinstance(bias, Bias) else Bias(bias)
    return lambda: whole.check(factors)


SEED = torch.tensor([1])
TABLE = FactorTable(FACTORS, GRID)
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
     "bias links f0, f1, f2, f3, f4, whose 10000000000 combinations are more than"),
    (lambda: Skew("a", math.nan), ValueError, "strength must be finite, got nan"),
    (lambda: Skew("a", "much"), TypeError, "strength must be a number, got 'much'"),
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
    (lambda: Bias(Resample("a", (1, 0, 1))).weights([3, 25], TABLE), ValueError, "it never draws 25"),
    (lambda: Bias(Skew("a", 1.0)).weights([[3, 0, 0]], FACTORS), ValueError, "whole numbers from 0 to 2 for a"),
    (lambda: Bias(Skew("a", 1.0)).weights([[0.5, 0, 0]], FACTORS), ValueError, "whole numbers from 0 to 2 for a"),
    (lambda: Bias.none.weights([[0, 0]], FACTORS), ValueError, r"values must have shape \[..., 3\], got \[1, 2\]"),
    (lambda: Bias.none.weights([60], TABLE), ValueError, "values must be numbers of rows from 0 to 59"),
    (lambda: Bias(Shift("*", 20.0)).weights([[-30.0, 0.0]], CONTINUOUS), ValueError, "values must have weights below"),
    (lambda: FactorTable(FACTORS, GRID + 1), ValueError, "labels must be whole numbers from 0 to 2 for a"),
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


def test_it_is_offered_where_data_sets_are() -> None:
    offered = {"Bias", "Correlate", "FactorTable", "Remove", "Resample", "Shift", "Skew", "effective_sample_size"}
    assert offered <= set(data.__all__)
