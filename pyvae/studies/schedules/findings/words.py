"""How means, differences, values of β and the seeds behind them are told."""

import numpy as np
from numpy.typing import NDArray

from pyvae.report.answer import counted, listed, plus_minus
from pyvae.report.statistics import Interval, t_interval
from pyvae.studies.schedules.results import Arm, Array, Results

Seeds = NDArray[np.bool_]
"""Which of a study's seeds a sentence speaks of, [S]."""


def mean(values: Array, digits: int) -> str:
    """A mean over seeds with half its 95 % interval, or that all seeds give the same."""
    return plus_minus(t_interval(values), digits)


def signed(interval: Interval, digits: int) -> str:
    """A difference, likewise."""
    return plus_minus(interval, digits, signed=True)


def beta(value: float) -> str:
    """A β on the way of a schedule, in three digits or all of a whole number."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def named(seeds: tuple[int, ...]) -> str:
    """ "seed 4", "seeds 0, 1 and 2"."""
    return f"seed{'' if len(seeds) == 1 else 's'} {listed([str(seed) for seed in seeds])}"


def over(results: Results, used: Seeds) -> str:
    """The seeds of a number, those that gave none by their names: "2 seeds, without seed 1"."""
    every = np.array(results.seeds)
    those, others = (tuple(every[which].tolist()) for which in (used, ~used))
    told = named(those) if len(those) == 1 else counted(len(those), "seed")
    return f"{told}, without {named(others)}" if others else told


def cited(numbers: str, results: Results, used: Seeds) -> str:
    """Numbers in words with their seeds in parentheses, and what follows a ± where there is one."""
    half = ", ± half the 95 % interval" if "±" in numbers else ""
    return f"{numbers} ({over(results, used)}{half})"


def no_verdict(results: Results, *arms: Arm) -> str:
    """That there is nothing to tell of an arm, or of two side by side, since no seed gave a number."""
    names = " beside ".join(arm.name for arm in arms)
    of = "" if len(arms) == 1 else " of both"
    return f"{names} has no verdict: no seed gave a finite number{of} ({named(results.seeds)})."
