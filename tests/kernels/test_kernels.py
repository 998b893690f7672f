"""The CPU kernels as plain C++ under sanitizers: random sizes and values, exact-size buffers, work cut at random."""

import pytest

from tests.instruction_sets import INSTRUCTION_SETS
from tests.kernels.programs import build, run_together
from tests.ops.stems import OPS


@pytest.mark.parametrize("name", INSTRUCTION_SETS)
def test_no_report_of_address_or_undefined_behaviour(name: str, figure: int) -> None:
    program = build("run_kernels", "address")
    run_together([program, name, figure, 1, seed] for seed in (1, 2))


@pytest.mark.parametrize("name", INSTRUCTION_SETS)
def test_no_report_of_races(name: str, figure: int) -> None:
    program = build("run_kernels", "thread")
    # The kernels take no locks, the sanitizer's runtime does. With gcc 12 it has stood still twice, both times where
    # threads started and ended by the thousand, which they no longer do (drivers/workers.h).
    run_together(([program, name, figure, 3, seed] for seed in (3, 4)), again_where_stuck=True)


@pytest.mark.parametrize("name", INSTRUCTION_SETS)
def test_as_shipped(name: str, figure: int) -> None:
    """Without a sanitizer, which keeps compilers from vectorising: the same code as in the library."""
    program = build("run_kernels")
    run_together([program, name, figure, 2, seed] for seed in (5, 6))


def test_every_op_has_a_check() -> None:
    assert run_together([[build("run_kernels")]]).split() == OPS
