"""An estimate as a number and in print, its digits those that its error leaves."""

import math

import pytest
import torch

from pyvae.aggregate import Estimate


def estimate(value: object, error: object) -> Estimate:
    return Estimate(torch.tensor(value, dtype=torch.float64), torch.tensor(error, dtype=torch.float64))


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (2.9004, 0.0312, "2.90 ± 0.03"),
        (2.9004, 0.0999, "2.9 ± 0.1"),
        (-0.000123, 0.00001, "-0.00012 ± 0.00001"),
        (12345.6, 230.0, "12346 ± 230"),
        (0.0, 1.5, "0 ± 2"),
        (1.5, 0.0, "1.5 ± 0"),
        (1.5, math.nan, "1.5 ± nan"),
        (math.nan, 0.1, "nan ± 0.1"),
        ([1.0, 2.0], [0.1, 0.02], "[1.0 ± 0.1, 2.00 ± 0.02]"),
        ([[1.0], [2.0]], [[0.1], [0.02]], "[[1.0 ± 0.1], [2.00 ± 0.02]]"),
        ([], [], "[]"),
    ],
)
def test_print(value: object, error: object, text: str) -> None:
    assert str(estimate(value, error)) == f"{estimate(value, error)}" == f"{text} (one standard error)"


def test_float() -> None:
    assert float(estimate(2.5, 0.1)) == 2.5 and float(estimate([2.5], [0.1])) == 2.5
    assert type(float(Estimate(torch.tensor(3), torch.tensor(0)))) is float
    with pytest.raises(TypeError, match=r"^value must be a single number for float\(\), got the shape \[2\]\.$"):
        float(estimate([1.0, 2.0], [0.1, 0.1]))


def test_it_is_still_a_pair() -> None:
    value, error = estimate(1.0, 0.1)
    assert (value.item(), error.item()) == (1.0, 0.1) and repr(estimate(1.0, 0.1)).startswith("Estimate(value=")
