"""The process of a local worker: reads names of shards, works at one after the other, and says how each ended.

It ends when its input does, so that none is left behind where the coordinator dies.
"""

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from pyvae.sweeps.names import FOLDER

GRACE_SECONDS = 60.0
"""For keeping what is done once the coordinator is gone."""
STOP = ""
"""The line that asks to stop."""


def serve(sweep: Path, orders: IO[str], tell: Callable[[str, str, str], None]) -> None:
    """Works at every shard that `orders` names, until it ends or says STOP; after SIGTERM, and after what is no cell's
    fault, at none any more: the process is then replaced.
    """
    # Both import torch, which takes seconds: the reader is there before.
    from pyvae.sweeps.engines.engine import end_of
    from pyvae.sweeps.work import work

    stop, ended, todo = threading.Event(), threading.Event(), queue.SimpleQueue[str | None]()

    def end(number: int, frame: object) -> None:
        ended.set()
        stop.set()

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=_read, args=(orders, todo, stop), daemon=True).start()
    while (name := todo.get()) is not None:
        try:
            outcome = work(sweep / FOLDER / name, stop)
        except Exception as problem:
            tell(*end_of(name, problem))
            raise SystemExit(1) from None  # after a MemoryError a fresh process is better
        if ended.is_set() and outcome == "stopped":
            tell(name, "lost", "its process was asked to end by SIGTERM")
            raise SystemExit(1)
        tell(name, outcome, "")


def _read(orders: IO[str], todo: "queue.SimpleQueue[str | None]", stop: threading.Event) -> None:
    for line in orders:
        if line.strip() == STOP:
            stop.set()
        else:
            todo.put(line.strip())
    stop.set()
    todo.put(None)
    last = threading.Timer(GRACE_SECONDS, os._exit, (1,))
    last.daemon = True
    last.start()


def _first_to_go() -> None:
    """Where memory ends the system rather ends a worker than the coordinator."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def main() -> None:
    """`python -m pyvae.sweeps.engines.worker SWEEP THREADS`."""
    import torch

    _first_to_go()
    sweep, threads = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def tell(shard: str, kind: str, detail: str) -> None:
        answers.write(json.dumps([shard, kind, detail]) + "\n")
        answers.flush()

    serve(sweep, sys.stdin, tell)


if __name__ == "__main__":
    main()
