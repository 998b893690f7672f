"""What other programs show of a sweep while it runs, by name."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from pyvae.sweeps.errors import SweepError

NAMES = ("tensorboard",)
"""Every log; each is kept in a folder of this name in the sweep's."""


class Log(Protocol):
    """A log of one sweep, which can be made again from the sweep's folder at any time."""

    def update(self) -> None:
        """Adds models that are done and not in the log yet; the first time it also takes away what is no longer so."""


def logs_named(names: Iterable[str]) -> list[Callable[[Path], Log]]:
    """What opens the logs of those names in a sweep's folder.

    Raises SweepError for another name, and for one whose package is not installed.
    """
    return [_log_named(name) for name in dict.fromkeys(names)]


def _log_named(name: str) -> Callable[[Path], Log]:
    if name not in NAMES:
        raise SweepError(f"log must be one of {', '.join(NAMES)}, got {name}")
    try:
        from pyvae.sweeps.logs.tensorboard import TensorBoard
    except ImportError as problem:
        raise SweepError(
            'log tensorboard needs TensorBoard, which cannot be used here: pip install "pyvae-torch[tensorboard]", or '
            f"leave the log out ({problem})"
        ) from None
    return TensorBoard
