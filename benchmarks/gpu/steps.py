"""Steps that run as processes of their own, each within a limit; a step that fails does not end the run."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PASSED, FAILED, OUT_OF_TIME = "passed", "failed", "out of time"
LEFT_OUT, CUT_SHORT = "left out", "cut short"
TAIL_LINES = 12


@dataclass(frozen=True)
class Step:
    """A command, the seconds it may take, why it cannot run, if it cannot, and whether it may end unfinished."""

    name: str
    command: list[str]
    seconds: float
    missing: str = ""
    may_be_cut: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a step ended; `note` is its last line, or why it was left out."""

    name: str
    state: str
    seconds: float
    note: str

    @property
    def is_well(self) -> bool:
        """Whether the run may still be called passed: a step without its tool, or cut as it may be, is no failure."""
        return self.state in (PASSED, LEFT_OUT, CUT_SHORT)


def run(step: Step, environment: dict[str, str], left: float, log: Path) -> Outcome:
    """Runs a step for at most its own seconds and those that are left, and prints how it went."""
    if step.missing:
        return _said(Outcome(step.name, LEFT_OUT, 0.0, step.missing), log)
    limit = min(step.seconds, left)
    if limit <= 0:
        return _said(Outcome(step.name, _late(step), 0.0, "no time was left for it"), log)
    print(f"--- {step.name} (at most {limit:.0f} s)", flush=True)
    start = time.monotonic()
    with log.open("w") as out:
        state = _run(step.command, environment, limit, out.fileno())
    state = _late(step) if state == OUT_OF_TIME else state
    return _said(Outcome(step.name, state, time.monotonic() - start, _last_line(log)), log)


def _late(step: Step) -> str:
    return CUT_SHORT if step.may_be_cut else OUT_OF_TIME


def _run(command: list[str], environment: dict[str, str], limit: float, out: int) -> str:
    # A group of its own, so that what the step started ends with it.
    process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment, start_new_session=True)
    try:
        return PASSED if process.wait(limit) == 0 else FAILED
    except subprocess.TimeoutExpired:
        return OUT_OF_TIME
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # it and all that it started may have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _said(outcome: Outcome, log: Path) -> Outcome:
    if not outcome.is_well and log.is_file():
        print(*log.read_text(errors="replace").splitlines()[-TAIL_LINES:], sep="\n")
    print(f"{outcome.name}: {outcome.state} ({outcome.seconds:.0f} s) {outcome.note}", flush=True)
    return outcome


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")
