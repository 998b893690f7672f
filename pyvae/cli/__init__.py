"""The command line. Wrong input ends with one sentence on stderr and exit code 2, never with a traceback."""

import sys

import pyarrow as pa
from safetensors import SafetensorError

from pyvae.cli import study, sweep, pages, machine  # isort: skip  # the order in which the help has the commands
from pyvae.cli.app import INTERRUPTED, app
from pyvae.errors import Interrupted, UserError

__all__ = ["app", "machine", "main", "pages", "study", "sweep"]


def main() -> None:
    """Entry point `pyvae`."""
    try:
        app()
    except Interrupted as interrupted:
        _leave(str(interrupted), INTERRUPTED)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)
    except (UserError, OSError, SafetensorError, pa.ArrowException) as problem:
        _leave(f"error: {problem}", 2)


def _leave(message: str, code: int) -> None:
    print(f"pyvae: {message}", file=sys.stderr)
    sys.exit(code)
