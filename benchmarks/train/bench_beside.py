"""Stacked training of two builds of pyvae in turn: this one, and another that was built beside it.

    git worktree add ../before 48d180e && make -C ../before build
    python -m benchmarks.train.bench_beside --other ../before/.venv/bin/python

For each row both train the biased grid's VAEs, each in a process of its own and a second or two at a time, one
waiting while the other runs; medians of the rounds. The first steps only: after some 750, builds before subnormal
numbers were taken as zero slow down on some processors (findings/adam_moments_stay_subnormal.sh).
"""

from pathlib import Path
from typing import Any

import torch

from benchmarks.beside import in_turn
from benchmarks.script import begin, parser_of

PROBE = Path(__file__).with_name("probe.py")
ROWS: dict[str, dict[str, Any]] = {
    "study": {"models": 165, "hidden": [256, 256], "pixels": 7},
    "hidden 64": {"models": 64, "hidden": [64, 64], "pixels": 7},
    "hidden 512": {"models": 32, "hidden": [512, 512], "pixels": 7},
    "inputs 3969": {"models": 16, "hidden": [256, 256], "pixels": 21},
}


def measure(settings: dict[str, Any], other: str, rounds: int) -> dict[str, Any]:
    medians, ratio = in_turn(PROBE, settings, other, rounds)
    milliseconds = {name: 1e3 * seconds for name, seconds in medians.items()}
    return {**settings, "ms_per_model_step": milliseconds, "this_over_other": ratio}


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
