"""Turns a run of the pytest-benchmark files into results.json, results.md and the plots; `make bench` is the way to it.

pytest-benchmark times pyvae; before each of its rounds one evaluation of every peer is timed, so that all are
interleaved. The peers' medians are in `extra_info`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from pyvae.bench.cases import Case
from pyvae.bench.ceilings import measure_ceilings
from pyvae.bench.engine import FULL, Engine, Entry
from pyvae.bench.machine import busy_warning, machine_facts
from pyvae.bench.providers import OURS
from pyvae.bench.report import summary
from pyvae.bench.results import Results, Row, open_results
from pyvae.bench.run import write_report


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pyvae benchmarks")
    group.addoption("--bench-out", type=Path, help="folder for the results; nothing is written without it")
    group.addoption("--bench-threads", type=int, help="torch's threads; its own number by default")
    group.addoption("--bench-resume", action="store_true", help="keep the rows that the folder holds")


class Session:
    """The engine and the results of one run."""

    def __init__(self, config: pytest.Config) -> None:
        if threads := config.getoption("--bench-threads"):
            torch.set_num_threads(threads)
        self._out: Path | None = config.getoption("--bench-out")
        self._terminal = config.pluginmanager.get_plugin("terminalreporter")
        ceilings = measure_ceilings()
        resume = config.getoption("--bench-resume")
        self.results: Results = open_results(self._out, machine_facts(), ceilings, resume=resume)
        self.engine = Engine(ceilings, FULL)
        if (warning := busy_warning()) and self._terminal is not None:
            self._terminal.write_line(f"warning: {warning}")
        for row in self.results.rows:
            self.engine.learn(row)

    def record(self, entry: Entry) -> Row:
        """Adds a finished entry to the results and its file."""
        row = self.engine.row(entry)
        self.results.rows.append(row)
        if self._out is not None:
            self.results.save(self._out)
        if self._terminal is not None:
            self._terminal.write_line(f"\n{summary(row)}")
        return row

    def close(self) -> None:
        if self._out is not None and self.results.rows:
            self.results.raise_ceilings(measure_ceilings())
            self.results.save(self._out)
            write_report(self.results, self._out)


@pytest.fixture(scope="session")
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    found = Session(request.config)
    yield found
    found.close()


@pytest.fixture
def race(session: Session, benchmark: pytest.FixtureRequest) -> Callable[[Case], None]:
    """Measures a case: pyvae by pytest-benchmark, the peers in turn with it."""

    def run(case: Case) -> None:
        if session.results.holds(case):
            pytest.skip("done before")
        entry = session.engine.enter(case)
        contest = entry.contest
        if contest is None:
            pytest.skip(summary(session.record(entry)))
        rounds = session.engine.rounds(contest)
        benchmark.pedantic(contest.ours, setup=contest.time_peers, rounds=rounds, iterations=1)
        if benchmark.stats is None:  # --benchmark-disable: everything ran once, nothing was timed
            return
        contest.samples[OURS] = list(benchmark.stats.stats.data)
        row = session.record(entry)
        benchmark.extra_info.update({name: timing.median for name, timing in row.timings.items() if name != OURS})
        if row.disagrees:
            pytest.fail(summary(row))

    return run
