"""The cases of `make bench` in two builds of pyvae in turn: this one, and another that was built beside it.

    git worktree add ../before 48d180e && make -C ../before build
    python -m benchmarks.groups_beside --other ../before/.venv/bin/python

No peers, and no case beyond about a second. For each case the median of the turns' ratios, and for each op and
direction their geometric mean. Writes groups_beside.json.
"""

import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.beside import Probe
from benchmarks.groups_probe import measured_cases
from benchmarks.script import begin, parser_of
from pyvae.bench.report import duration

PROBE = Path(__file__).with_name("groups_probe.py")


def main() -> None:
    parser = parser_of(__doc__, "groups_beside.json")
    parser.add_argument("--other", required=True, help="Python of the environment of the other build")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    script = begin(arguments)
    probes = {"this": Probe(sys.executable, PROBE, {}), "other": Probe(arguments.other, PROBE, {})}
    rows: list[dict[str, Any]] = []
    for number, case in enumerate(measured_cases()):
        turns = [[probe.round(str(number)) for probe in probes.values()] for _ in range(arguments.rounds)]
        seconds = dict(zip(probes, map(statistics.median, zip(*turns, strict=True)), strict=True))
        ratio = statistics.median(this / other for this, other in turns)
        size = {"op": case.op, "rows": case.rows, "latents": case.latents, "direction": case.direction}
        rows.append({**size, "seconds": seconds, "this_over_other": ratio})
        print(f"{case}: this {duration(seconds['this'])}, other {duration(seconds['other'])}, {ratio:.2f}", flush=True)
    for probe in probes.values():
        probe.close()
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(f"{row['op']}, {row['direction']}", []).append(row["this_over_other"])
    means = {
        name: {"geometric_mean": statistics.geometric_mean(ratios), "largest": max(ratios)}
        for name, ratios in groups.items()
    }
    for name, mean in means.items():
        print(f"{name}: geometric mean {mean['geometric_mean']:.3f}, largest {mean['largest']:.2f}")
    script.save("groups_beside.json", {"rounds": arguments.rounds, "groups": means, "rows": rows})


if __name__ == "__main__":
    main()
