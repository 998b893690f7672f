"""Values drawn at random for the cells of a sweep."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning.given import what

UNIFORM, LOG_UNIFORM, CHOICE = "uniform", "log_uniform", "choice"
DIGITS = 6
"""Of drawn numbers: they are read by people, and the last bits of a logarithm differ between machines."""


@dataclass(frozen=True)
class Draw:
    """A number drawn between two others: whole, and either end possible, where the field takes whole numbers only."""

    field: str
    low: float
    high: float
    logarithmic: bool
    share: float
    """How far between them, from 0 (included) to 1 (excluded), before a logarithm bends the way."""

    def value(self, whole: bool) -> float:
        """The number; SweepError where it has to be whole and none is between the two."""
        if not whole:
            return min(max(float(f"{self._between(self.low, self.high):.{DIGITS}g}"), self.low), self.high)
        low, high = math.ceil(self.low), math.floor(self.high)
        if low > high:
            raise SweepError(f"{self.field} takes whole numbers, and none is between {self.low:g} and {self.high:g}")
        return min(math.floor(self._between(low, high + 1)), high)

    def _between(self, low: float, high: float) -> float:
        if self.logarithmic:
            return math.exp((1 - self.share) * math.log(low) + self.share * math.log(high))
        return (1 - self.share) * low + self.share * high

    def __str__(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"


def share(seed: int, field: str, draw: int) -> float:
    """A number in [0, 1) that depends on nothing else, so that more draws, or another field, leave it as it is."""
    digest = hashlib.sha256(f"{seed} {field} {draw}".encode()).digest()
    return float((int.from_bytes(digest[:8], "big") >> 11) / (1 << 53))


def drawn(field: str, distribution: object, seed: int, draws: int) -> list[Any]:
    """Values for a field: `Draw`s, or for `choice` some of its values.

    SweepError where the distribution is not {uniform: [low, high]}, {log_uniform: [low, high]} or {choice: [...]}.
    """
    kinds = f"one of {UNIFORM}, {LOG_UNIFORM} and {CHOICE}"
    if not isinstance(distribution, Mapping) or len(distribution) != 1:
        raise SweepError(f"{field} of random must be a mapping of {kinds}, got {distribution!r}")
    ((kind, given),) = distribution.items()
    shares = [share(seed, field, draw) for draw in range(draws)]
    if kind == CHOICE:
        if not isinstance(given, list | tuple) or not given:
            raise SweepError(f"{CHOICE} of {field} must be a list of at least one value, got {given!r}")
        return [given[int(place * len(given))] for place in shares]
    if kind not in (UNIFORM, LOG_UNIFORM):
        raise SweepError(f"{field} of random must be {kinds}, got {kind!r}")
    low, high = _bounds(field, kind, given)
    return [Draw(field, low, high, kind == LOG_UNIFORM, place) for place in shares]


def _bounds(field: str, kind: str, given: object) -> tuple[float, float]:
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise SweepError(f"{kind} of {field} must be a list of two numbers, got {given!r}")
    low, high = (_number(field, kind, bound) for bound in given)
    if not low < high:
        raise SweepError(f"{kind} of {field} must have its smaller number first, got {low:g} and {high:g}")
    if kind == LOG_UNIFORM and low <= 0:
        raise SweepError(f"{kind} of {field} must be of numbers greater than 0, got {low:g}")
    return low, high


def _number(field: str, kind: str, bound: object) -> float:
    """A bound, which may be a text: PyYAML reads 1e-3 as one."""
    try:
        number = math.nan if isinstance(bound, bool) else float(bound)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        got = what(bound) if isinstance(bound, Mapping | list | tuple) else repr(bound)
        raise SweepError(f"{kind} of {field} must be of finite numbers, got {got}")
    return number
