"""What every answer of a study is made of."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.report.statistics import Array, Interval


@dataclass(frozen=True)
class Answer:
    """A question, its answer in a sentence or two, and the numbers behind it."""

    name: str
    """By which figures and other answers refer to it."""
    question: str
    short: str
    details: tuple[str, ...]


def all_diverged(which: str = "") -> list[Answer]:
    """What a study answers whose every model has diverged; `which` are their seeds, in words."""
    models = f"every model has diverged ({which})" if which else "every model has diverged"
    verdict = f"There is no answer: {models}. A smaller learning_rate may help."
    return [Answer("divergence", "What can be learned from this study?", verdict, ())]


def plus_minus(interval: Interval, digits: int = 3, *, signed: bool = False) -> str:
    """A mean with half its interval, if there is one, in so many decimals; or that several seeds give the same."""
    if math.isnan(interval.mean):
        return "no value"
    mean = decimals(interval.mean, digits, signed=signed)
    if interval.same:
        return f"{mean} (the same in all {interval.seeds} seeds)"
    return f"{mean} ± {decimals(interval.half, digits)}" if interval.known else mean


def mean_over_seeds(values: Array) -> Array:
    """Means of [mus, betas, seeds] over seeds, NaN only where no seed gives a value."""
    present = ~np.isnan(values)
    count = present.sum(axis=2)
    total = np.where(present, values, 0.0).sum(axis=2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def counted(number: int, noun: str, many: str | None = None) -> str:
    """ "1 model", "4 models"; "4 models have" where `many` is "models have" and the noun "model has"."""
    return f"{number} {noun if number == 1 else many or f'{noun}s'}"


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence as "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
