"""What a peer says of something known, beside the truth: a row, and the verdict that its numbers give."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

RIGHT = 1e-4
"""Errors up to here, relative where the truth is not 0, are digits of a right answer; those beyond are named."""
SIMPLE = 1e-3
"""How near a ratio to the truth has to be to a simple one, of a value that was not sampled."""
NEAR = 0.1
"""Where errors that were sampled are a share of the truth and no difference."""


@dataclass(frozen=True)
class Row:
    """`error` is the standard error of a value that was sampled, `sizes` are of axes that it may be a mean over."""

    call: str
    quantity: str
    on: str
    value: float
    truth: float
    error: float = 0.0
    unit: str = "nats"
    sizes: Mapping[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def difference(self) -> float:
        return self.value - self.truth

    @property
    def ratio(self) -> float | None:
        """To the truth, where that is not 0."""
        return self.value / self.truth if self.truth else None


def verdict(row: Row) -> str:
    """In words, by nothing but the numbers."""
    if not math.isfinite(row.value):
        return "not finite"
    off = abs(row.difference) if row.ratio is None else abs(row.ratio - 1)
    if off <= RIGHT:
        return right_to(off)
    if row.error and abs(row.difference) <= 3 * row.error:
        return "right within 3 standard errors"
    if row.ratio is None:
        return _apart(row)
    if not row.error and (name := simple_ratio(row.ratio, row.sizes)):
        return f"{name} the truth"
    return _share(row.ratio) if off < (NEAR if row.error else 1) else _apart(row)


def _apart(row: Row) -> str:
    unit = f" {row.unit}" if row.unit else ""
    return f"{row.difference:+.3g}{unit}".replace("-", "−")


def _share(ratio: float) -> str:
    return f"{100 * abs(ratio - 1):.2g} % {'above' if ratio > 1 else 'below'} the truth"


def right_to(off: float) -> str:
    """The next power of ten above the error, 1e-15 at the least."""
    power = max(-15, math.ceil(math.log10(off))) if off else -15
    return f"right to 1e{power}"


def simple_ratio(ratio: float, sizes: Mapping[str, int]) -> str | None:
    """ "1/W of", "twice", "half of" or a like name of a ratio, if it has one."""
    for count in range(1, len(sizes) + 1):
        for names in combinations(sizes, count):
            product = math.prod(sizes[name] for name in names)
            if math.isclose(ratio * product, 1, rel_tol=SIMPLE):
                return f"1/{' / '.join(names)} of" if count == 1 else f"1/({' '.join(names)}) of"
            if math.isclose(ratio, product, rel_tol=SIMPLE):
                return f"{' '.join(names)} times"
    named = {2.0: "twice", 0.5: "half of", -1.0: "minus", 0.0: "nothing of"}
    return next((name for value, name in named.items() if math.isclose(ratio, value, rel_tol=SIMPLE)), None)


def sampled(values: Iterable[float]) -> dict[str, float]:
    """Mean and standard error of independent estimates, as a row takes them."""
    found = np.array(list(values), dtype=np.float64)
    return {"value": float(found.mean()), "error": float(found.std(ddof=1) / math.sqrt(len(found)))}


Peer = Callable[[], Iterable[Row]]
