"""Fixtures every test folder shares, and the two sets of figures of docs/reliability.md: every commit, and --long."""

from collections.abc import Iterator

import hypothesis
import pytest
import torch

import pyvae
from tests.instruction_sets import INSTRUCTION_SETS

# Every commit tries the same cases, so that a failure belongs to the change; the long run looks for new ones.
hypothesis.settings.register_profile("commit", max_examples=2_000, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("long", max_examples=100_000, deadline=None, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the figures of docs/reliability.md for a release: hours")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("long" if config.getoption("--long") else "commit")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if not item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the figures are those of a release."""
    return bool(request.config.getoption("--long"))


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
