"""Stacked training of two builds of pyvae in turn: this one, and another that was built beside it.

    git worktree add ../before 48d180e && make -C ../before build
    python -m benchmarks.train.bench_beside --other ../before/.venv/bin/python

For each row both train the biased grid's VAEs, each in a process of its own and a second or two at a time, one
waiting while the other runs; medians of the rounds. The first steps only: after some 750, builds before subnormal
numbers were taken as zero slow down on some processors (findings/adam_moments_stay_subnormal.sh).
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.script import begin, parser_of

PROBE = Path(__file__).with_name("probe.py")
ROWS: dict[str, dict[str, Any]] = {
    "study": {"models": 165, "hidden": [256, 256], "pixels": 7},
    "hidden 64": {"models": 64, "hidden": [64, 64], "pixels": 7},
    "hidden 512": {"models": 32, "hidden": [512, 512], "pixels": 7},
    "inputs 3969": {"models": 16, "hidden": [256, 256], "pixels": 21},
}


class Probe:
    """A process that waits until it is asked for a round."""

    def __init__(self, python: str, settings: dict[str, Any]) -> None:
        command = [python, str(PROBE), json.dumps(settings)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line()

    def round(self) -> float:
        """Seconds per model-step."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
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


def measure(settings: dict[str, Any], other: str, rounds: int) -> dict[str, Any]:
    probes = {"this": Probe(sys.executable, settings), "other": Probe(other, settings)}
    times: dict[str, list[float]] = {name: [] for name in probes}
    for _ in range(rounds):
        for name, probe in probes.items():
            times[name].append(probe.round())
    for probe in probes.values():
        probe.close()
    medians = {name: 1e3 * statistics.median(values) for name, values in times.items()}
    ratios = [a / b for a, b in zip(times["this"], times["other"], strict=True)]
    return {**settings, "ms_per_model_step": medians, "this_over_other": statistics.median(ratios)}


def main() -> None:
    parser = parser_of(__doc__, "beside.json")
    parser.add_argument("--other", required=True, help="Python of the environment of the other build")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.5, help="of a round")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS))
    arguments = parser.parse_args()
    script = begin(arguments)
    rows = {}
    for name in arguments.rows:
        settings = {**ROWS[name], "threads": arguments.threads, "seconds": arguments.seconds}
        row = rows[name] = measure(settings, arguments.other, arguments.rounds)
        this, other = row["ms_per_model_step"].values()
        print(f"{name:12s} this {this:.3f} other {other:.3f} ms, ratio {row['this_over_other']:.2f}", flush=True)
    script.save("beside.json", {"rounds": arguments.rounds, "rows": rows})


if __name__ == "__main__":
    main()
