"""Worker threads for chunks: each runs its torch operations on one core, so that chunks need no barrier
inside a step.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """torch.get_num_threads() threads, each set to one thread inside torch; the caller's own setting is left
    as it was.

    Measured for 165 models on 2 cores: 1.30 times the matrix products alone this way, 1.41 with torch's own
    threads in every operation; and where other processes take the cores, torch's barriers wait for the slower
    thread in each of some hundred operations (8 to 30 times slower), workers once per step.
    """
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=_start) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)


def _start() -> None:
    """What a worker thread sets for itself alone.

    Subnormal numbers are taken as zero. Adam multiplies the first moment of a weight without gradient, one of a dead
    unit, by 0.9 at every step: after 750 steps it is subnormal, and there it stays, since 0.9 of the four smallest
    numbers rounds to themselves. In the biased grid at step 1600 that are 36 % of the moments, and on a processor that
    computes subnormal numbers in microcode the training step then takes 2.6 times as long (Intel family 6 model 207;
    findings/adam_moments_stay_subnormal.sh).
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
