"""Two builds of pyvae in turn: each in a process of its own, one waiting while the other runs."""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any


class Probe:
    """A script in a build's Python that waits until it is asked for a round, of `what` if it knows several, and prints
    its seconds.
    """

    def __init__(self, python: str, script: Path, settings: dict[str, Any]) -> None:
        command = [python, str(script), json.dumps(settings)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line()

    def round(self, what: str = "") -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        self.process.communicate()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the probe ended with {self.process.wait()}")
        return line


def turns(probes: dict[str, Probe], rounds: int) -> dict[str, list[float]]:
    """Seconds of every round of each, the probes in turn; they end then."""
    times: dict[str, list[float]] = {name: [] for name in probes}
    for _ in range(rounds):
        for name, probe in probes.items():
            times[name].append(probe.round())
    for probe in probes.values():
        probe.close()
    return times


def in_turn(script: Path, settings: dict[str, Any], other: str, rounds: int) -> tuple[dict[str, float], float]:
    """Median seconds of "this" build and the "other", and the median of the ratios of each turn."""
    probes = {"this": Probe(sys.executable, script, settings), "other": Probe(other, script, settings)}
    times = turns(probes, rounds)
    ratios = [a / b for a, b in zip(times["this"], times["other"], strict=True)]
    return {name: statistics.median(values) for name, values in times.items()}, statistics.median(ratios)
