"""Fixtures every test folder shares, and the layers of the suite: `--layer check`, `test`, `all` or `long`."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import torch

import pyvae
from tests import layers, progress, selection
from tests.instruction_sets import CUDA, DEVICES, INSTRUCTION_SETS

try:
    import hypothesis
except ModuleNotFoundError:  # a machine with a GPU may have torch and little else
    hypothesis = None
else:
    # Every commit tries the same cases, so that a failure belongs to the change; the long run looks for new ones.
    hypothesis.settings.register_profile("commit", deadline=None, derandomize=True, database=None)
    hypothesis.settings.register_profile("long", deadline=None, print_blob=True)

OWN = ("pyvae", "tests", "benchmarks")


def pytest_configure(config: pytest.Config) -> None:
    layer = config.getoption("--layer")
    selection.choose(layer)
    progress.attach(config)
    config.pluginmanager.register(_Layer(config), "pyvae_layer")
    if hypothesis is not None:
        hypothesis.settings.load_profile("long" if layer == "long" else "commit")
    if hasattr(config, "workerinput"):  # the workers of xdist share the cores; two threads take the ways of many
        threads = torch.get_num_threads()
        torch.set_num_threads(min(threads, max(2, threads // config.workerinput["workercount"])))


# --- Layers: tests/layers.py ------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--layer", choices=layers.LAYERS, default="all", help="how much to run: docs/reliability.md")
    parser.addoption("--after", choices=layers.LAYERS, help="leave out what this earlier layer runs as it is")


class _Layer:
    """Chooses the cases of a run and says what the next layer would add."""

    def __init__(self, config: pytest.Config) -> None:
        self._layer, self._after = config.getoption("--layer"), config.getoption("--after")
        self._plugins, self._sentence = config.pluginmanager, ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        starts = {item: selection.start(item.nodeid, _parameters(item)) for item in items}
        kept, left_out = [], []
        for item, start in starts.items():
            (kept if selection.runs(item.nodeid, start, self._layer, self._after) else left_out).append(item)
        kept.sort(key=lambda item: selection.urgency(item.nodeid))
        for item in kept:
            if selection.is_in(layers.SERIAL, item.nodeid):
                item.add_marker("serial")
        self._sentence = self._summary(starts, kept)
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
        if hasattr(config, "workeroutput"):
            config.workeroutput["layer"] = self._sentence

    def _summary(self, starts: dict[pytest.Item, str], kept: list[pytest.Item]) -> str:
        after = f" after {self._after}" if self._after else ""
        sentence = f"layer {self._layer}{after}: {len(kept)} of {len(starts)} cases"
        if self._layer == layers.LAYERS[-1]:
            return sentence
        following = layers.LAYERS[selection.rank(self._layer) + 1]
        more = sum(start == following for start in starts.values())
        larger = sum(selection.grows(item.nodeid, self._layer, following) for item in kept)
        return f"{sentence}; layer {following} has {more} more, and larger figures for {larger}"

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        reporter = self._plugins.getplugin("terminalreporter")  # of the run, not of a worker
        if reporter is not None and selection.is_in(layers.SLOW, nodeid):
            reporter.ensure_newline()
            reporter.write_line(f"  {nodeid} starts, one of the slow ones")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self._sentence = getattr(node, "workeroutput", {}).get("layer", self._sentence)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(self._sentence)


def _parameters(item: pytest.Item) -> dict[str, object]:
    return item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}


# --- Collecting -------------------------------------------------------------------------------------------------------


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


# --- Fixtures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> int:
    """The test's figure of the layer that runs."""
    return selection.figure(request.function.__name__)


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


@pytest.fixture
def step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training asks after every single step whether to stop."""
    from pyvae.training.train import Training  # a machine with a GPU may have torch and little else

    monkeypatch.setattr(sys.modules[Training.__module__], "ROUND_SECONDS", 0.0)
