"""Fixtures every test folder shares, and the two sets of figures of docs/reliability.md: every commit, and --long."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import torch

import pyvae
from tests.instruction_sets import CUDA, DEVICES, INSTRUCTION_SETS

try:
    import hypothesis
except ModuleNotFoundError:  # a machine with a GPU may have torch and little else
    hypothesis = None
else:
    # Every commit tries the same cases, so that a failure belongs to the change; the long run looks for new ones.
    hypothesis.settings.register_profile("commit", max_examples=2_000, deadline=None, derandomize=True, database=None)
    hypothesis.settings.register_profile("long", max_examples=100_000, deadline=None, print_blob=True)

OWN = ("pyvae", "tests", "benchmarks")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the figures of docs/reliability.md for a release: hours")


def pytest_configure(config: pytest.Config) -> None:
    if hypothesis is not None:
        hypothesis.settings.load_profile("long" if config.getoption("--long") else "commit")


class _Module(pytest.Module):
    """A file of tests; where a package of others that it needs is not installed, it is skipped and says which."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        try:
            return super().collect()
        except self.CollectError as error:
            reason = error.__cause__
            name = reason.name if isinstance(reason, ModuleNotFoundError) and reason.name else ""
            package = name.partition(".")[0]
            if not package or package in OWN:
                raise
            pytest.skip(f"needs {package}, which is not installed", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    module: pytest.Module = _Module.from_parent(parent, path=module_path)
    return module


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


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test on the CPU and where there is one on the GPU; tensors that name no device are made there."""
    with torch.device(request.param):
        yield request.param


@pytest.fixture(params=[*INSTRUCTION_SETS, *(name for name in DEVICES if name == CUDA)])
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test on every instruction set, as `isa` does, and as `device` does on the GPU."""
    if request.param == CUDA:
        with torch.device(CUDA):
            yield CUDA
        return
    pyvae.set_cpu_isa(request.param)
    yield request.param
    pyvae.set_cpu_isa("avx512")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
