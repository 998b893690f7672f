"""From a case to its row: who takes part, their memory, their times, and whether they agree."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from pyvae.bench import memory
from pyvae.bench.agreement import disagreement
from pyvae.bench.cases import DENSITIES, Case
from pyvae.bench.ceilings import Shares
from pyvae.bench.contest import Contest
from pyvae.bench.forecast import Forecast
from pyvae.bench.providers import COPY, OURS, Evaluation, available, evaluation
from pyvae.bench.results import Row

_MEMORY_LATENTS = 10
"""Forward passes are probed at this D alone; it is enough to foresee which sizes a peer cannot do."""


@dataclass(frozen=True)
class Effort:
    """How long a run may take. Seconds per evaluation above which a provider is left out, and rounds per case."""

    budget_seconds: float
    most_rounds: int
    ours_seconds: float = 60.0
    peer_seconds: float = 30.0
    memory_seconds: float = 40.0  # a longer evaluation is not repeated for its memory
    memory_bytes: int = 8 * 10**9
    forward_memory: bool = True
    elementwise_memory: bool = True

    def wants_memory(self, case: Case) -> bool:
        """Whether the case's peak memory is measured."""
        if case.op not in DENSITIES:
            return self.elementwise_memory and case.backward
        return case.backward or (self.forward_memory and case.latents == _MEMORY_LATENTS)


QUICK = Effort(budget_seconds=0.5, most_rounds=20, forward_memory=False, elementwise_memory=False)
FULL = Effort(budget_seconds=3.0, most_rounds=50)


@dataclass
class Entry:
    """A case ready to be timed. Without a contest there is nothing to time, and the notes say why."""

    case: Case
    contest: Contest | None = None
    notes: dict[str, str] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)


class Engine:
    """Measures cases one after the other, and foresees from them what the next will cost."""

    def __init__(
        self,
        ceilings: Shares,
        effort: Effort,
        *,
        providers: Callable[[Case], list[str]] | None = None,
        build: Callable[[str, Case], Evaluation] = evaluation,
        contest: Callable[..., Contest] = Contest,
        probe: Callable[[Case, str, int, int], int] = memory.peak_bytes,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._ceilings, self._effort = ceilings, effort
        self._providers, self._build, self._probe = providers or available, build, probe
        self._contest = contest
        self._clock = clock
        self._seconds, self._bytes = Forecast(), Forecast()
        self._limit = effort.memory_bytes
        if memory.supported():
            self._limit = min(self._limit, int(0.8 * memory.available_bytes()))

    def measure(self, case: Case) -> Row:
        """The row of a case, timed here."""
        entry = self.enter(case)
        if entry.contest is not None:
            entry.contest.run(self.rounds(entry.contest))
        return self.row(entry)

    def enter(self, case: Case) -> Entry:
        """Measures memory, leaves out who costs too much, and warms up the others."""
        entry = Entry(case)
        taking_part = [provider for provider in self._providers(case) if self._admit(entry, provider)]
        if OURS in taking_part:
            expected = {name: self._seconds(case, name) or 0.0 for name in taking_part}
            evaluations = {name: self._build(name, case) for name in taking_part}
            entry.contest = self._contest(evaluations, expected, self._clock)
            entry.notes.update(entry.contest.failures)
        return entry

    def rounds(self, contest: Contest) -> int:
        """Rounds that this run's effort allows."""
        return contest.rounds(self._effort.budget_seconds, self._effort.most_rounds)

    def row(self, entry: Entry) -> Row:
        """The row of a timed entry. Where a provider disagrees with pyvae, no times are reported at all."""
        case, contest = entry.case, entry.contest
        if contest is None:
            return Row(case, {}, entry.peaks, entry.notes)
        problems = self._disagreements(case, contest)
        if problems:
            return Row(case, {}, {}, {**entry.notes, **problems}, disagrees=True)
        timings = contest.timings()
        ceiling, share = self._ceilings.share(case, timings[OURS].median)
        row = Row(case, timings, entry.peaks, entry.notes, ceiling, share)
        self.learn(row)
        return row

    def learn(self, row: Row) -> None:
        """Takes in what a row tells about the cost of the next."""
        for provider, timing in row.timings.items():
            self._seconds.learn(row.case, provider, timing.fastest)  # a median may hold other programs' time
        for provider, peak in row.peak_bytes.items():
            self._bytes.learn(row.case, provider, peak)

    def _admit(self, entry: Entry, provider: str) -> bool:
        """Whether a provider takes part; if not, a note says why. Measures its memory on the way."""
        case, effort = entry.case, self._effort
        seconds = self._seconds(case, provider) or 0.0
        most = effort.ours_seconds if provider == OURS else effort.peer_seconds
        if seconds > most:
            entry.notes[provider] = f"would take about {seconds:.0f} s"
            return False
        needed = self._bytes(case, provider) or 0.0
        if provider != OURS and needed > self._limit:
            entry.notes[provider] = f"would need about {needed / 1e9:.0f} GB"
            return False
        wanted = effort.wants_memory(case) and memory.supported() and provider != COPY
        return not wanted or seconds > effort.memory_seconds or self._measure_memory(entry, provider)

    def _measure_memory(self, entry: Entry, provider: str) -> bool:
        try:
            peak = self._probe(entry.case, provider, torch.get_num_threads(), self._limit)
        except memory.ProbeError as error:
            entry.notes[provider] = str(error)
            return False
        entry.peaks[provider] = peak
        self._bytes.learn(entry.case, provider, peak)
        return True

    def _disagreements(self, case: Case, contest: Contest) -> dict[str, str]:
        ours = contest.outputs[OURS]
        found = {
            name: disagreement(case, ours, theirs)
            for name, theirs in contest.outputs.items()
            if name not in (OURS, COPY)
        }
        return {name: problem for name, problem in found.items() if problem is not None}
