"""`pyvae study --preset seed` from start to report in two builds: this one, and another that was built beside it.

    git worktree add ../before 48d180e && make -C ../before build
    python -m benchmarks.train.study_beside --other ../before/.venv/bin/python

A part of the preset's models by default, with all of its 10 000 steps; the builds in turn, each in a process of its
own. Writes study_beside.json.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.script import begin, parser_of

PART = ["mus=0,2.5", "betas=1,5", "seeds=0,1"]


def seconds(python: str, settings: list[str]) -> float:
    """Of one study, start to report."""
    with tempfile.TemporaryDirectory() as folder:
        asked = [word for setting in settings for word in ("--set", setting)]
        program = str(Path(python).with_name("pyvae"))
        command = [program, "study", "--preset", "seed", "--out", str(Path(folder) / "run")]
        start = time.perf_counter()
        subprocess.run([*command, *asked], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        return time.perf_counter() - start


def main() -> None:
    parser = parser_of(__doc__, "study_beside.json")
    parser.add_argument("--other", required=True, help="Python of the environment of the other build")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--set", action="append", dest="settings", help=f"fields of the study, {' '.join(PART)} if none"
    )
    arguments = parser.parse_args()
    script, settings = begin(arguments), arguments.settings or PART
    builds = {"this": sys.executable, "other": arguments.other}
    times: dict[str, list[float]] = {name: [] for name in builds}
    for _ in range(arguments.rounds):
        for name, python in builds.items():
            times[name].append(seconds(python, settings))
            print(f"{name}: {times[name][-1]:.0f} s", flush=True)
    ratio = statistics.median(this / other for this, other in zip(*times.values(), strict=True))
    print(f"this over other: {ratio:.2f}")
    script.save("study_beside.json", {"settings": settings, "seconds": times, "this_over_other": ratio})


if __name__ == "__main__":
    main()
