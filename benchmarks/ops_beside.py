"""Calls of ops in two builds of pyvae in turn: this one, and another that was built beside it. Forward + backward.

    git worktree add ../before 48d180e && make -C ../before build
    python -m benchmarks.ops_beside --other ../before/.venv/bin/python

Few queries against many posteriors, with gradients of z alone and of all; a small minibatch. Medians of the rounds.
Writes ops_beside.json.
"""

from pathlib import Path
from typing import Any

from benchmarks.beside import in_turn
from benchmarks.script import begin, parser_of
from pyvae.bench.report import duration

PROBE = Path(__file__).with_name("ops_probe.py")
MANY = {"op": "density", "queries": 256, "posteriors": 60_000, "sigma": 0.4, "threads": 2}
ROWS: dict[str, dict[str, Any]] = {
    "256 queries, 60 000 posteriors of 10 latents, z alone": {**MANY, "latents": 10, "leaves": 1},
    "the same, all gradients": {**MANY, "latents": 10, "leaves": 3},
    "256 queries, 60 000 posteriors of 32 latents, z alone": {**MANY, "latents": 32, "leaves": 1},
    "4096 queries, 60 000 narrow posteriors of 10 latents, z alone": {
        **MANY, "queries": 4096, "sigma": 0.1, "latents": 10, "leaves": 1,
    },
    "4096 queries of as many posteriors of 10 latents, all gradients": {
        **MANY, "queries": 4096, "posteriors": 4096, "latents": 10, "leaves": 3,
    },
    "kl_decomposition 64 x 10": {
        "op": "decomposition", "queries": 64, "posteriors": 64, "latents": 10, "sigma": 0.4, "leaves": 3, "threads": 1,
    },
}  # fmt: skip


def main() -> None:
    parser = parser_of(__doc__, "ops_beside.json")
    parser.add_argument("--other", required=True, help="Python of the environment of the other build")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    script = begin(arguments)
    rows = {}
    for name, settings in ROWS.items():
        medians, ratio = in_turn(PROBE, settings, arguments.other, arguments.rounds)
        rows[name] = {**settings, "seconds": medians, "this_over_other": ratio}
        print(f"{name}: this {duration(medians['this'])}, other {duration(medians['other'])}, {ratio:.2f}", flush=True)
    script.save("ops_beside.json", {"rounds": arguments.rounds, "rows": rows})


if __name__ == "__main__":
    main()
