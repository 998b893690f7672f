"""Runs a layer of tests/layers.py: `python -m tests.run LAYER [--after LAYER] [what pytest takes]`.

First everything that can run on all cores at once, by pytest-xdist, then what must run alone. Exits with 1 if a test
fails.
"""

import argparse
import os
import subprocess
import sys
import time

from tests import layers

# What pytest exits with where nothing was chosen: a name given by -k may be in one part alone.
NOTHING_CHOSEN = 5


def parts(arguments: list[str]) -> list[tuple[str, list[str]]]:
    """What each part is, and its command."""
    pytest = [sys.executable, "-m", "pytest", *arguments]
    cores = len(os.sched_getaffinity(0))
    return [
        (f"side by side on {cores} cores", [*pytest, "-m", "not serial", "-n", str(cores), "--dist", "worksteal"]),
        ("alone: what measures times, memory or threads", [*pytest, "-m", "serial"]),
    ]


def run(layer: str, after: str | None, options: list[str]) -> int:
    """Runs both parts, whatever becomes of the first; the exit status."""
    less = f", less what layer {after} has run" if after else ""
    print(f"tests of layer {layer}{less}: {layers.DURATIONS[layer]} on two cores after the build", flush=True)
    chosen = ["--layer", layer, *(["--after", after] if after else []), *options]
    begin, statuses = time.monotonic(), []
    for name, command in parts(chosen):
        print(f"\n{name}", flush=True)
        statuses.append(subprocess.run(command, check=False).returncode)
    verdict = "passed" if set(statuses) <= {0, NOTHING_CHOSEN} else "FAILED"
    print(f"\nlayer {layer}{less}: {verdict} in {time.monotonic() - begin:.0f} s")
    return 0 if verdict == "passed" else 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layer", choices=layers.LAYERS)
    parser.add_argument("--after", choices=layers.LAYERS)
    arguments, options = parser.parse_known_args()
    raise SystemExit(run(arguments.layer, arguments.after, options))


if __name__ == "__main__":
    main()
