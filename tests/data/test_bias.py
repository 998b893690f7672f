"""Weights of biases against their formulas, by enumeration of all combinations."""

import math

import pytest
import torch
from torch import Tensor

from pyvae.data import Arrays, Factor, Sprites
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
from tests.data.biases import CONTINUOUS, EVEN, FACTORS, GRID, cases, is_drawn_from


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
