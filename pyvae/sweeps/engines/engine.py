"""What the coordinator asks of an engine: shards are started, their ends are waited for. All else is on the disk."""

import socket
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from pyvae.sweeps.blame import blamed, unwrapped


class End(NamedTuple):
    """How an attempt at a shard ended.

    "finished"; "failed", with the reason in its error.json; "stopped" as asked; "held" where another worker is at it;
    "lost" where the worker died or ran out of memory, and "machine" where no shard could be worked at there, such as
    with a full disk: then `detail` says how.
    """

    shard: str
    kind: Literal["finished", "failed", "stopped", "held", "lost", "machine"]
    detail: str = ""


def end_of(shard: str, problem: Exception) -> End:
    """What an exception that `work` raised makes of an attempt."""
    blame = blamed(problem)
    if blame == "machine":
        return End(shard, "machine", f"{unwrapped(problem)} (on {socket.gethostname()})")
    return End(shard, "lost", "it ran out of memory" if blame == "memory" else str(problem))


class Engine(Protocol):
    """Works at shards of one sweep's folder, several at a time. Whether a shard is finished its folder alone says."""

    slots: int
    """Shards at a time."""

    def start(self, shard: str) -> None:
        """Begins an attempt at a shard whose order lies in its folder."""

    def wait(self, seconds: float) -> list[End]:
        """The attempts that have ended since the last call; after so many seconds none."""

    def stop(self) -> None:
        """Asks every attempt to keep what it has done and to end; `wait` gives their ends."""

    def close(self) -> None:
        """Leaves nothing behind; attempts that have not ended are ended at once."""


class Workers(Protocol):
    """An engine that is chosen and not started yet."""

    slots: int
    """Shards at a time."""

    def opened(self, sweep: Path) -> Engine:
        """The engine at work in a sweep's folder."""
