"""The command line. Wrong input ends with one sentence on stderr and exit code 2, never with a traceback."""

import importlib
import sys

import pyarrow as pa
import typer
from safetensors import SafetensorError

from pyvae.cli.app import INTERRUPTED, app
from pyvae.errors import Interrupted, UserError

ROOMS = {
    "study": "study",
    "evaluate": "study",
    "sweep": "sweep",
    "results": "results",
    "traverse": "pages",
    "compare": "pages",
    "bench": "machine",
    "info": "machine",
}
"""The module of every command, in the order of the help."""


def commands(asked: str = "") -> typer.Typer:
    """The app with the command that is asked for, without the seconds that others' modules take to import; with all
    commands where there is none of that name.
    """
    for room in [ROOMS[asked]] if asked in ROOMS else dict.fromkeys(ROOMS.values()):
        importlib.import_module(f"pyvae.cli.{room}")
    return app


def main() -> None:
    """Entry point `pyvae`."""
    try:
        commands(sys.argv[1] if len(sys.argv) > 1 else "")()
    except Interrupted as interrupted:
        _leave(str(interrupted), INTERRUPTED)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)
    except (UserError, OSError, SafetensorError, pa.ArrowException) as problem:
        _leave(f"error: {problem}", 2)


def _leave(message: str, code: int) -> None:
    print(f"pyvae: {message}", file=sys.stderr)
    sys.exit(code)
