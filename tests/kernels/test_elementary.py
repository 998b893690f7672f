"""The float32 functions of csrc/math against float64, in units in the last place, and at their special values."""

import pytest

from tests.instruction_sets import INSTRUCTION_SETS
from tests.kernels.programs import build, run_together


@pytest.mark.parametrize("name", INSTRUCTION_SETS)
def test_a_sample_of_arguments(name: str) -> None:
    print(run_together([[build("run_elementary"), name, 1009]]))


@pytest.mark.parametrize("name", INSTRUCTION_SETS)
def test_every_argument(name: str) -> None:
    print(run_together([[build("run_elementary"), name, 1]]))
