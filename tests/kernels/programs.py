"""Builds the test programs of this folder (CMake option PYVAE_DRIVERS) and runs them."""

import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.progress import say

ROOT = Path(__file__).parents[2]
# The leak checker wants ptrace, which containers deny; the programs hold no memory beyond a case.
SANITIZER_OPTIONS = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}

# Ten times what the longest takes on two busy cores, and what one that may stand still takes.
LIMIT_SECONDS, STUCK_SECONDS = 900, 400


class Stuck(AssertionError):
    """A program did not end."""


@functools.cache
def build(target: str, sanitizer: str = "none") -> Path:
    """The program, compiled with the flags the kernels are shipped with; only what has changed is compiled again."""
    folder = ROOT / "build" / f"drivers-{sanitizer}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:  # two test runs may share the folder
        fcntl.flock(lock, fcntl.LOCK_EX)
        configure(folder, sanitizer)
        command = [_tool("cmake"), "--build", folder, "--target", target]
        if "no work to do" not in subprocess.run([*command, "--", "-n"], capture_output=True, text=True).stdout:
            say(f"building the program {target}, sanitizer: {sanitizer}")
        built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr[-4000:]
    return folder / target


def configure(folder: Path, sanitizer: str) -> None:
    """Runs CMake; skips the test where the compiler cannot do what is asked."""
    options = ["-DPYVAE_DRIVERS=ON", f"-DPYVAE_SANITIZER={sanitizer}", f"-DCMAKE_MAKE_PROGRAM={_tool('ninja')}"]
    configured = subprocess.run(
        [_tool("cmake"), "-S", ROOT, "-B", folder, "-G", "Ninja", *options], capture_output=True, text=True, check=False
    )
    if "This compiler has no libraries for" in configured.stderr:
        pytest.skip(f"this compiler has no libraries for the {sanitizer} sanitizer")
    assert configured.returncode == 0, configured.stderr[-4000:]


def run_together(commands: Iterable[Sequence[object]], *, again_where_stuck: bool = False) -> str:
    """Runs programs at the same time; their output, or a failure with its end.

    One that has not ended after LIMIT_SECONDS fails and says what its threads were doing. With `again_where_stuck` all
    of them are started once more first, after STUCK_SECONDS: one that stands still takes the time of all other tests.
    """
    environment = os.environ | SANITIZER_OPTIONS
    environment.pop("LD_PRELOAD", None)
    commands = [list(map(str, command)) for command in commands]
    if again_where_stuck:
        try:
            return _run_together(commands, environment, STUCK_SECONDS)
        except Stuck as stuck:
            say(f"{stuck}; once more")
    return _run_together(commands, environment, LIMIT_SECONDS)


def _run_together(commands: list[list[str]], environment: dict[str, str], limit: int) -> str:
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        for command in commands
    ]
    end = time.monotonic() + limit
    try:
        outputs = [process.communicate(timeout=max(0.0, end - time.monotonic()))[0] for process in running]
    except subprocess.TimeoutExpired:
        stuck = [f"{process.args} ({_threads(process.pid)})" for process in running if process.poll() is None]
        raise Stuck(f"not ended after {limit} s: {', '.join(stuck)}") from None
    finally:
        for process in running:
            process.kill()
            process.wait()
    for process, output in zip(running, outputs, strict=True):
        assert process.returncode == 0, output[-4000:]
    return "".join(outputs)


def _threads(pid: int) -> str:
    """What the threads of a process are doing: state, where they wait in the system, ticks of user and system."""
    found = []
    for task in sorted(Path(f"/proc/{pid}/task").glob("*")):
        with contextlib.suppress(OSError):
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            found.append(f"{fields[0]} in {(task / 'wchan').read_text() or '?'}, {fields[11]} + {fields[12]} ticks")
    return "; ".join(found)


def _tool(name: str) -> str:
    beside = Path(sys.executable).parent
    path = shutil.which(name, path=f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path
