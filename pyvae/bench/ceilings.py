"""The machine's ceilings, measured at the start and at the end of every run with the threads of that run."""

import time
from dataclasses import dataclass
from typing import Protocol

import torch

from pyvae.bench.cases import DENSITIES, Case
from pyvae.bench.work import bytes_moved, multiply_adds
from pyvae.ops.ceilings import multiply_adds_per_second

COPY_BYTES = 256 * 2**20
"""A buffer beyond the caches of most machines."""

COPY_ROUNDS = 10


class Shares(Protocol):
    """The ceilings of a machine, of whatever kinds it has."""

    def share(self, case: Case, seconds: float) -> tuple[str, float]:
        """Which ceiling a case is held against, and the fraction of it that `seconds` amounts to."""


@dataclass(frozen=True)
class Ceilings:
    """The fastest multiply-adds in registers (float32, lanes counted) and copy of a large tensor (read + written)."""

    multiply_adds_per_second: float
    copy_bytes_per_second: float

    def at_least(self, other: "Ceilings") -> "Ceilings":
        """The higher of each: what disturbs a measurement lowers it."""
        return Ceilings(
            max(self.multiply_adds_per_second, other.multiply_adds_per_second),
            max(self.copy_bytes_per_second, other.copy_bytes_per_second),
        )

    def share(self, case: Case, seconds: float) -> tuple[str, float]:
        """Which ceiling a case is held against, "fma" or "copy", and the fraction of it that `seconds` amounts to."""
        if case.op in DENSITIES:
            return "fma", multiply_adds(case) / seconds / self.multiply_adds_per_second
        return "copy", bytes_moved(case) / seconds / self.copy_bytes_per_second


def measure_ceilings() -> Ceilings:
    """Takes about a second."""
    return Ceilings(multiply_adds_per_second(), copy_bytes_per_second())


def copy_bytes_per_second(size: int = COPY_BYTES, rounds: int = COPY_ROUNDS) -> float:
    """Bytes read plus bytes written by torch's copy of a float32 tensor of `size` bytes; the best of `rounds`."""
    source = torch.ones(size // 4)
    target = torch.zeros_like(source)
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        target.copy_(source)
        best = min(best, time.perf_counter() - start)
    return 2 * size / best
