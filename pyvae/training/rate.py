"""How fast something goes, smoothed: what one slow moment does to it is soon forgotten."""

import math


class Rate:
    """An amount per second, in which what lies `memory` seconds back counts 1/e of what is now."""

    def __init__(self, memory: float, now: float) -> None:
        self._memory, self._at = memory, now
        self._amount = self._seconds = 0.0

    def add(self, amount: float, now: float) -> None:
        """So much was done since the last call."""
        passed = now - self._at
        faded = math.exp(-passed / self._memory)
        self._amount, self._seconds = faded * self._amount + amount, faded * self._seconds + passed
        self._at = now

    @property
    def per_second(self) -> float | None:
        """The rate, None before any time has passed."""
        return self._amount / self._seconds if self._seconds else None
