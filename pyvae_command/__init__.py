"""The command `pyvae`, beside the package: importing that loads torch, and ctrl-C may come meanwhile."""

import os
import signal
from types import FrameType


def main() -> None:
    """Entry point `pyvae`: `pyvae.cli.main`, and one sentence where it is interrupted before that is there."""
    before = signal.signal(signal.SIGINT, _leave)
    from pyvae.cli import main as run

    signal.signal(signal.SIGINT, before)
    run()


def _leave(number: int, frame: FrameType | None) -> None:
    """Ends the process at once: an exception would pass through modules that are half imported, and some hide it."""
    os.write(2, b"pyvae: interrupted\n")
    os._exit(130)
