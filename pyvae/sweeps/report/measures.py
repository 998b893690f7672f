"""Which columns of a study's table a page shows where nobody says so, and which of their values are the better ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyvae.metrics import METRICS
from pyvae.plotting.numbers import decimals
from pyvae.report.statistics import Interval
from pyvae.sweeps.planning.config import Best
from pyvae.sweeps.table.columns import ACTIVE, CORRELATION, ELBO, RECONSTRUCTION, RECOVERED, most_telling

Array = NDArray[np.float64]

SHOWN, LEAST = 7, 3
"""Measures that are shown where none are asked for: at most, and, where a table has so many, at least."""
RANKING = ("mig", "dci_disentanglement", *RECOVERED, *ELBO, *RECONSTRUCTION)
"""What cells are ranked by where a sweep says no best, the first that a table has."""
AGAINST = ("mig", "dci_disentanglement", *RECOVERED, *ACTIVE)
"""What reconstruction is traded for, the first that a table has, where that is not what cells are ranked by."""
PLAIN = ("steps_taken", "best_step")
"""Numbers of training, not of what came of it."""
SMALLER = {*RECONSTRUCTION, *CORRELATION, "wasserstein_correlation", "mutual_information_score"}
"""The smaller, the better."""
LARGER = {*METRICS, *RANKING, *AGAINST} - SMALLER

LEAST_FIXED, MOST_FIXED, MOST_DIGITS = 1e-4, 1e6, 6


@dataclass(frozen=True)
class Goal:
    """What cells are ranked by."""

    column: str
    largest: bool
    said: str
    """How the column came to be the one, in a sentence."""

    @property
    def words(self) -> str:
        """Which of its values are the better ones."""
        return "the largest is best" if self.largest else "the smallest is best"


def goal_of(best: Best | None, measures: Sequence[str]) -> Goal | None:
    """What the sweep says is best, where that was measured, else what tells most; None of a table without numbers."""
    if best is not None and best.column in measures:
        return Goal(best.column, best.largest, f"The sweep's file says that {best.column} is what counts.")
    if not measures:
        return None
    column = next((name for name in RANKING if name in measures), None)
    largest = True if column is None else larger_is_better(column) is not False
    column = column or next((name for name in measures if name not in PLAIN), measures[0])
    why = (
        "The sweep's file names no best"
        if best is None
        else f"The sweep's file names {best.column} as best, of which there is no number"
    )
    return Goal(column, largest, f"{why}: {column} was chosen for it.")


def larger_is_better(column: str) -> bool | None:
    """Whether larger values are the better ones; None where nothing says so."""
    if column in SMALLER:
        return False
    is_score = column in LARGER or any(column.startswith(f"{name}_") for name in LARGER)
    return True if is_score else None


def chosen(measures: Sequence[str], goal: Goal, asked: Sequence[str]) -> list[str]:
    """The measures that maps and rankings show, the goal first."""
    if asked:
        return list(dict.fromkeys([goal.column, *asked]))
    found = dict.fromkeys([goal.column, *most_telling(measures)])
    for name in measures:
        if len(found) < LEAST and name not in PLAIN:
            found[name] = None
    return [*found][:SHOWN]


def traded(measures: Sequence[str], goal: Goal) -> tuple[str, Goal] | None:
    """Reconstruction and what it is traded for; None where one of them was not measured."""
    first = next((name for name in RECONSTRUCTION if name in measures), None)
    if first is None:
        return None
    if goal.column not in (*RECONSTRUCTION, *PLAIN):
        return first, goal
    other = next((name for name in AGAINST if name in measures), None)
    return None if other is None else (first, Goal(other, True, ""))


@dataclass(frozen=True)
class Format:
    """How numbers of a measure are printed: so many decimals, or three digits where there would be too many."""

    digits: int | None
    counts: bool = False
    """Whether each value is a whole number: such a one has no decimals, as other means of them have."""

    @classmethod
    def of(cls, values: Array) -> "Format":
        """Such that about a hundredth of the range of values can be seen."""
        known = values[np.isfinite(values)]
        largest = float(np.abs(known).max(initial=0.0))
        if largest == 0:
            return cls(1)
        if not LEAST_FIXED <= largest < MOST_FIXED:
            return cls(None)
        span = float(np.ptp(known)) or largest
        digits = 2 - math.floor(math.log10(span))
        return cls(None if digits > MOST_DIGITS else max(0, digits), bool((known == np.rint(known)).all()))

    def __call__(self, value: float) -> str:
        """A number in words."""
        return f"{value:.0f}".replace("-", "−") if self.counts and value == round(value) else self._fixed(value)

    def parts(self, found: Interval) -> tuple[str, str]:
        """A mean, and half its interval, "± 0.03", if there is one; one that would be printed as 0 has two digits."""
        if math.isnan(found.mean):
            return "no value", ""
        if not found.known:
            return self(found.mean), ""
        half = self._fixed(found.half)
        return self._fixed(found.mean), f"± {half if float(half) else f'{found.half:.2g}'}"

    def short(self, found: Interval) -> str:
        """Both in one."""
        return " ".join(filter(None, self.parts(found)))

    def interval(self, found: Interval) -> str:
        """The same, and that several seeds give the same where they do."""
        return f"{self(found.mean)} (the same in all {found.seeds} seeds)" if found.same else self.short(found)

    def _fixed(self, value: float) -> str:
        return f"{value:.3g}".replace("-", "−") if self.digits is None else decimals(value, self.digits)
