"""Fixtures every test folder shares."""

from collections.abc import Iterator

import pytest
import torch

import pyvae
from pyvae import _library

INSTRUCTION_SETS = [name for name, has in _library.build_facts()["cpu_instruction_sets"].items() if has]


@pytest.fixture(params=INSTRUCTION_SETS)
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once for every compiled instruction set this processor has."""
    pyvae.set_cpu_isa(request.param)
    assert pyvae.cpu_isa() == request.param
    yield request.param
    pyvae.set_cpu_isa("avx512")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
