"""Biases against their formulas, by enumeration of all combinations and by frequencies of draws."""

import doctest
import math
import pickle

import pytest
import torch
from scipy import stats
from torch import Tensor

import pyvae.data as data
from pyvae.data import Arrays, BlockGrid, Factor, Sprites
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
    assert torch.equal(bias.support(GRID, table), p > 0)
    rows = draw_rows(table, 20_000, torch.tensor([12]), bias)
    assert rows.shape == (1, 20_000) and is_drawn_from(rows, p)
    torch.testing.assert_close(bias.weights(GRID[rows], table), bias.weights(GRID[rows], FACTORS))
    assert bias.effective_share(table) == pytest.approx(bias.effective_share(FACTORS), rel=1e-12)


def test_a_resampled_table_keeps_what_is_given_the_attribute() -> None:
    """Two attributes that go together; resampled by one, the share of the other among its values is as before."""
    factors = (Factor("glasses", 2), Factor("smiling", 2))
    labels = torch.tensor([[0, 0]] * 50 + [[0, 1]] * 30 + [[1, 0]] * 5 + [[1, 1]] * 15)
    table, bias = FactorTable(factors, labels), Bias(Resample("glasses", (0.5, 0.5)))
    p = torch.tensor([0.5 / 80] * 80 + [0.5 / 20] * 20, dtype=torch.float64)
    torch.testing.assert_close(bias.weights(labels, table) * p, torch.full((100,), 0.01, dtype=torch.float64))
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


def test_weights_are_of_a_data_set() -> None:
    """One with independent factors, and one whose images have factors that go together."""
    sprites, bias = Sprites(sizes=(3, 2, 4, 3, 5), side=12), Bias(Correlate("x", "y", 5.0))
    drawn = sprites.draw(20, {"factors": torch.tensor([1])}, bias).factors
    assert torch.equal(bias.weights(drawn, sprites), bias.weights(drawn, sprites.factors))
    labels = torch.tensor([[0, 0]] * 6 + [[1, 0]] + [[1, 1]] * 3)
    images = Arrays(torch.zeros(10, 8, 8), labels, names=("hat", "smile"))
    bias = Bias(Resample("hat", (1.0, 3.0)))
    drawn = images.draw(20, {"factors": torch.tensor([1])}, bias).factors
    expected = torch.tensor([0.6 / 0.25, 0.4 / 0.75], dtype=torch.float64)
    torch.testing.assert_close(bias.weights(drawn, images), expected[drawn[..., 0].long()])
    with pytest.raises(ValueError, match="bias must name factors among hat, smile, got 'b'"):
        Bias(Skew("b", 1.0)).check(images)


def test_what_yaml_takes_for_numbers_is_what_the_refusal_says() -> None:
    for text in ("1000.0", "1.0e-30", "1.0e+300"):
        bias = Bias.from_yaml(f"changes: [{{skew: {{factor: b, strength: {text}}}}}]")
        assert bias == Bias(Skew("b", float(text))) == Bias.from_yaml(bias.to_yaml())


def test_a_table_goes_to_another_process() -> None:
    table, bias = FactorTable(FACTORS, GRID), CASES["correlate"][0]
    before = draw_rows(table, 10, torch.tensor([1]), bias)
    assert torch.equal(draw_rows(pickle.loads(pickle.dumps(table)), 10, torch.tensor([1]), bias), before)
    assert pickle.loads(pickle.dumps(EVERY)) == EVERY and b"_hash" not in pickle.dumps(EVERY)


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


def test_the_example_gives_what_it_shows() -> None:
    runner = doctest.DocTestRunner()
    (example,) = doctest.DocTestFinder(recurse=False).find(Bias, "Bias", globs={**globals()})
    runner.run(example)
    assert example.examples and runner.failures == 0


def test_it_is_offered_where_data_sets_are() -> None:
    offered = {"Bias", "Correlate", "FactorTable", "Remove", "Resample", "Shift", "Skew", "effective_sample_size"}
    assert offered <= set(data.__all__)
