"""The multiply-add rate this machine reaches at best, for benchmarks."""

import time

import torch

_CALIBRATION = 100_000
"""Rounds of a first try: below a millisecond, and long enough to wake every thread and to judge the speed by."""

_TRIES = 20
"""Calls whose best counts: one that waited for a processor says nothing about the ceiling."""


def multiply_adds_per_second(seconds: float = 0.3) -> float:
    """float32 multiply-adds per second, every lane counted, of the current instruction set on torch's threads.

    The best of about 20 runs in `seconds`, all in registers: a ceiling, not a mean. "baseline" has no fused instruction
    on x86-64 and multiplies and adds in two.

    Raises:
        ValueError: for seconds that are not greater than 0.
    """
    if not seconds > 0:
        raise ValueError(f"seconds must be greater than 0, got {seconds!r}.")
    pieces = torch.get_num_threads()
    rate = max(_rate(_CALIBRATION, pieces) for _ in range(_TRIES))
    per_iteration = torch.ops.pyvae.multiply_add(1, pieces)
    iterations = max(_CALIBRATION, int(rate * seconds / _TRIES / per_iteration))
    return max(_rate(iterations, pieces) for _ in range(_TRIES))


def _rate(iterations: int, pieces: int) -> float:
    start = time.perf_counter()
    done: int = torch.ops.pyvae.multiply_add(iterations, pieces)
    return done / (time.perf_counter() - start)
