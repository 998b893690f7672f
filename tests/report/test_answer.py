"""How intervals are printed in sentences."""

import math

import pytest

from pyvae.report.answer import counted, plus_minus
from pyvae.report.statistics import Interval


@pytest.mark.parametrize(
    ("interval", "signed", "text"),
    [
        (Interval(-0.26, 0.1369, 3), False, "−0.260 ± 0.137"),
        (Interval(0.08, 0.01, 3), True, "+0.080 ± 0.010"),
        (Interval(-0.0001, math.nan, 1), False, "0.000"),
        (Interval(9.0, math.nan, 3), False, "9.000 (the same in all 3 seeds)"),
        (Interval(math.nan, math.nan, 0), False, "no value"),
    ],
)
def test_a_mean_with_half_its_interval(interval: Interval, signed: bool, text: str) -> None:
    assert plus_minus(interval, signed=signed) == text


def test_decimals_can_be_chosen() -> None:
    assert plus_minus(Interval(3.5, 0.64, 3), 1) == "3.5 ± 0.6"
    assert plus_minus(Interval(0.0, math.nan, 2), 1) == "0.0 (the same in all 2 seeds)"


def test_one_is_no_plural() -> None:
    assert [counted(number, "model") for number in (0, 1, 2)] == ["0 models", "1 model", "2 models"]
