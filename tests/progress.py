"""Lines on the terminal from within a test: past pytest's capturing and, in a worker of xdist, past its pipe."""

import contextlib
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

_uncaptured: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext


def attach(config: pytest.Config) -> None:
    """Lets `say` reach the terminal of this run."""
    global _uncaptured
    capturing = config.pluginmanager.getplugin("capturemanager")
    if capturing is not None:
        _uncaptured = capturing.global_and_fixture_disabled


def say(line: str) -> None:
    """Writes a line between pytest's dots."""
    with _uncaptured():
        print(f"\n  {line}", file=sys.stderr, flush=True)
