"""Providers of one case in turn: every round runs each once, and medians are compared."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyvae.bench.providers import COMPILED, OURS, Evaluation, Outputs

SETTLE_SECONDS = 0.005
"""Untimed calls go before a timed one for this long: the worker threads of the provider before stop spinning in the
meantime, and this one's caches and threads are as in a loop of its own.
"""

LONG_SECONDS = 3.0
"""An evaluation that takes longer is not warmed up."""

SHORT_SECONDS = 0.1
"""An evaluation that takes less is tried twice, so that one interruption does not decide the number of rounds."""

LEAST_ROUNDS = 3
"""A median of fewer says little; only rounds longer than the budget are fewer."""


def failure(error: Exception) -> str:
    """A note about what a peer raised."""
    text = str(error).strip().partition("\n")[0]
    return f"failed with {type(error).__name__}" + (f": {text}" if text else "")


@dataclass(frozen=True)
class Timing:
    """Seconds of one evaluation: median and fastest of so many rounds."""

    median: float
    fastest: float
    rounds: int

    @classmethod
    def of(cls, samples: list[float]) -> "Timing":
        return cls(statistics.median(samples), min(samples), len(samples))


class Contest:
    """Times evaluations round by round. `samples` holds the seconds, `outputs` what each evaluation returned last."""

    def __init__(
        self,
        evaluations: Mapping[str, Evaluation],
        expected: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`expected` seconds per provider, where known, decide who is warmed up. A peer that fails then is left out."""
        self._evaluations = dict(evaluations)
        self._clock = clock
        self.outputs: dict[str, Outputs] = {}
        self.failures: dict[str, str] = {}
        self._cost: dict[str, float] = {}
        for name in evaluations:
            self._enter(name, (expected or {}).get(name, 0.0))
        self.samples: dict[str, list[float]] = {name: [] for name in self._evaluations}

    def rounds(self, budget: float, most: int) -> int:
        """How many rounds fit into `budget` seconds: at most `most`, and at least LEAST_ROUNDS if these take no more
        than three times the budget, else 1.
        """
        cost = sum(cost + (SETTLE_SECONDS if self._settles(name) else 0) for name, cost in self._cost.items())
        least = LEAST_ROUNDS if LEAST_ROUNDS * cost <= 3 * budget else 1
        return max(least, min(most, int(budget / cost)))

    def run(self, rounds: int) -> None:
        """Times every provider once a round."""
        for _ in range(rounds):
            self.time_peers()
            self.samples[OURS].append(self._time(OURS))

    def time_peers(self) -> None:
        """Times one evaluation of every peer, then settles pyvae: a caller that times pyvae itself does so next."""
        for name in self._evaluations:
            if name != OURS:
                self._settle(name)
                self.samples[name].append(self._time(name))
        self._settle(OURS)

    def ours(self) -> None:
        """One evaluation of pyvae."""
        self.outputs[OURS] = self._evaluations[OURS]()

    def timings(self) -> dict[str, Timing]:
        """Medians of what was timed."""
        return {name: Timing.of(samples) for name, samples in self.samples.items() if samples}

    def _enter(self, name: str, expected: float) -> None:
        try:
            self._cost[name] = self._warm_up(name, expected)
        except Exception as error:  # whatever a peer raises, such as a compiler that is not there
            if name == OURS:
                raise
            self.failures[name] = failure(error)
            del self._evaluations[name]

    def _time(self, name: str) -> float:
        seconds, self.outputs[name] = self._measure(self._evaluations[name])
        return seconds

    def _measure(self, evaluate: Evaluation) -> tuple[float, Outputs]:
        start = self._clock()
        outputs = evaluate()
        return self._clock() - start, outputs

    def _warm_up(self, name: str, expected: float) -> float:
        """Runs what has to be run before timing; returns the seconds an evaluation takes."""
        if expected > LONG_SECONDS and name != COMPILED:
            return expected
        first = self._time(name)
        if expected > LONG_SECONDS:
            return expected
        if first > LONG_SECONDS and name != COMPILED:
            return first
        second = self._time(name)  # of a compiled function the first that does not compile
        return min(second, self._time(name)) if second < SHORT_SECONDS else second

    def _settles(self, name: str) -> bool:
        return self._cost[name] < 10 * SETTLE_SECONDS

    def _settle(self, name: str) -> None:
        if self._settles(name):
            start = self._clock()
            while self._clock() - start < SETTLE_SECONDS:
                self._evaluations[name]()
