"""Waiting for a shard that somebody else is at."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pyvae.files import exclusive_lock
from pyvae.studies.errors import Busy
from pyvae.sweeps.names import LOCK

PAUSE_SECONDS = 0.2


@contextmanager
def once_free(shard: Path, until: float, pause: Callable[[float], object] = time.sleep) -> Iterator[bool]:
    """Holds a shard against others once nobody is at it, and gives True; False where `pause`, which is waited for
    between tries, says that it is not wanted any more. Busy where somebody is at it still at a time of the monotonic
    clock.
    """
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(exclusive_lock(shard / LOCK))
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Busy(f"another worker is still at {shard}") from None
            if pause(PAUSE_SECONDS):
                yield False
                return
        yield True
