"""Draws of biases against their formulas, by frequencies, and in stacks against each model alone."""

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from pyvae.data import BlockGrid, Factor, Sprites
from pyvae.data.bias import (
    Bias,
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
from tests.data.biases import CASES, FACTORS, GRID, cases, is_drawn_from, numbers


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
