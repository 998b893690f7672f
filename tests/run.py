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

# What pytest exits with where nothing was chosen: what -k names may be in one part alone.
NOTHING_CHOSEN = 5


def side_by_side(pytest: list[str]) -> int:
    """One worker per core; the exit status."""
    cores = len(os.sched_getaffinity(0))
    print(f"\nside by side on {cores} cores", flush=True)
    # There are more threads than cores: one that waits must not keep a core from another.
    environment = os.environ | {"OMP_WAIT_POLICY": "passive"}
    command = [*pytest, "-m", "not serial", "-n", str(cores), "--dist", "worksteal"]
    return subprocess.run(command, env=environment, check=False).returncode


def alone(pytest: list[str]) -> int:
    """What must not run beside other tests; the exit status."""
    print("\none by one: what measures times, memory or threads", flush=True)
    return subprocess.run([*pytest, "-m", "serial"], check=False).returncode


def run(layer: str, after: str | None, options: list[str]) -> int:
    """Runs both parts, whatever becomes of the first; the exit status."""
    less = f", less what layer {after} has run" if after else ""
    print(f"tests of layer {layer}{less}: {layers.DURATIONS[layer]} on two cores after the build", flush=True)
    pytest = [sys.executable, "-m", "pytest", "--layer", layer, *(["--after", after] if after else []), *options]
    begin = time.monotonic()
    passed = {side_by_side(pytest), alone(pytest)} <= {0, NOTHING_CHOSEN}
    print(f"\nlayer {layer}{less}: {'passed' if passed else 'FAILED'} in {time.monotonic() - begin:.0f} s")
    return 0 if passed else 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layer", choices=layers.LAYERS)
    parser.add_argument("--after", choices=layers.LAYERS, help="leave out what this earlier layer runs as it is")
    arguments, options = parser.parse_known_args()
    raise SystemExit(run(arguments.layer, arguments.after, options))


if __name__ == "__main__":
    main()
