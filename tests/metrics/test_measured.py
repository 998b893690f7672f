import torch

from pyvae.aggregate import Estimate
from pyvae.metrics.measured import Measured, measured


def test_an_estimate_becomes_a_score_with_an_interval() -> None:
    score = measured(Estimate(torch.tensor(0.5), torch.tensor(0.1)), 0.9, {"bins": 20}, each=[1, 2])
    assert float(score) == 0.5 and abs(score.low - 0.304) < 1e-3 and abs(score.high - 0.696) < 1e-3
    assert score.settings == {"bins": 20} and score.parts == {"each": [1, 2]}
    assert str(score) == "0.500 (95 % interval 0.304 to 0.696; at most 0.9)"


def test_a_count_is_a_number_too() -> None:
    assert float(Measured(3, 2, 4, 10)) == 3.0


def test_a_score_is_a_plain_value() -> None:
    assert Measured(1.0, 0.5, 1.5, 2.0) == Measured(1.0, 0.5, 1.5, 2.0)
    assert type(float(Measured(1, 0, 2, 3))) is float  # a count
