"""How the strength of an objective changes while a model is trained: pure functions of the step, written as text.

| text | share of the strength at a step |
|---|---|
| constant | 1 |
| warmup(steps) | rises linearly from 0 to 1 and stays there |
| linear(start, end, steps) | goes linearly from `start` to `end` and stays there |
| cyclical(period, rise) | rises from 0 to 1 in the first `rise` of every period, then stays at 1 (Fu et al. 2019) |

Steps are a whole number, or a share of the run such as 25%. A strength of 10 with warmup(40000) is min(10, t / 4000);
one of 1 with linear(100, 1, 39600) is max(1, 100 - t / 400). `rise` is 0.5 where it is left out.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from pyvae.nn.model import check_sizes


@dataclass(frozen=True)
class Length:
    """So many steps, or a share of the run's."""

    number: float
    of_run: bool = False

    @classmethod
    def parsed(cls, text: str) -> Self:
        """From a text such as "5000" or "25%"; ValueError for one that is no length."""
        number = float(text.removesuffix("%"))
        if text.endswith("%"):
            if not 0 < number <= 100:
                raise ValueError
            return cls(number / 100, of_run=True)
        if number != int(number) or number < 1:
            raise ValueError
        return cls(int(number))

    def within(self, steps: int) -> Self:
        """In a run of so many steps."""
        return type(self)(max(1, round(self.number * steps))) if self.of_run else self

    def __str__(self) -> str:
        return f"{100 * self.number:.12g}%" if self.of_run else str(self.number)


@dataclass(frozen=True)
class Schedule:
    """The share of a strength at every step, counted from 0. Its text names it wherever settings are written."""

    settles: ClassVar[bool] = True
    """Whether the strength stays what it is from some step on."""

    def __call__(self, step: int) -> float:
        return 1.0

    @property
    def final(self) -> float:
        """The share that it ends with, by which models are compared in validation."""
        return 1.0

    @property
    def length(self) -> Length | None:
        """Until the strength has first been what it ends with; None where it always is."""
        return None

    def within(self, steps: int) -> "Schedule":
        """The schedule of a run of so many steps: none of its lengths is a share."""
        return self

    def __str__(self) -> str:
        return "constant"


@dataclass(frozen=True)
class Linear(Schedule):
    """From `start` to `end` in `length` steps."""

    start: float
    end: float
    steps: Length

    def __call__(self, step: int) -> float:
        return self.start + (self.end - self.start) * min(1.0, max(0, step) / _steps(self, self.steps))

    @property
    def final(self) -> float:
        return self.end

    @property
    def length(self) -> Length:
        return self.steps

    def within(self, steps: int) -> "Linear":
        return replace(self, steps=self.steps.within(steps))

    def __str__(self) -> str:
        if (self.start, self.end) == (0.0, 1.0):
            return f"warmup({self.steps})"
        return f"linear({self.start:.12g}, {self.end:.12g}, {self.steps})"


@dataclass(frozen=True)
class Cyclical(Schedule):
    """A rise from 0 to 1 in the first `rise` of every period, 1 in the rest."""

    period: Length
    rise: float = 0.5
    settles: ClassVar[bool] = False

    def __call__(self, step: int) -> float:
        period = _steps(self, self.period)
        return min(1.0, (step % period) / (period * self.rise))

    @property
    def length(self) -> Length:
        return replace(self.period, number=self.period.number * self.rise)

    def within(self, steps: int) -> "Cyclical":
        return replace(self, period=self.period.within(steps))

    def __str__(self) -> str:
        return f"cyclical({self.period}, {self.rise:.12g})"


def _steps(schedule: Schedule, length: Length) -> float:
    if length.of_run:
        raise ValueError(
            f"schedule {schedule} needs a run's length: call within(steps) of the objective, or name steps in place of "
            f"{length}"
        )
    return length.number


def _constant() -> Schedule:
    return Schedule()


def _warmup(steps: str) -> Schedule:
    return Linear(0.0, 1.0, Length.parsed(steps))


def _linear(start: str, end: str, steps: str) -> Schedule:
    first, last = float(start), float(end)
    if not (0 <= first < float("inf") and 0 <= last < float("inf")):
        raise ValueError
    return Linear(first, last, Length.parsed(steps))


def _cyclical(period: str, rise: str = "0.5") -> Schedule:
    share = float(rise)
    if not 0 < share <= 1:
        raise ValueError
    return Cyclical(Length.parsed(period), share)


_KNOWN: Mapping[str, Callable[..., Schedule]] = {
    "constant": _constant,
    "warmup": _warmup,
    "linear": _linear,
    "cyclical": _cyclical,
}

EXPECTED = "constant, warmup(steps), linear(start, end, steps) or cyclical(period, rise)"


def schedule_of(text: str) -> Schedule:
    """The schedule that a text names, such as "warmup(5000)", "linear(100, 1, 80%)" or "cyclical(25%, 0.5)".

    Raises TypeError for what is no text, ValueError for any other one: steps are at least 1, or more than 0 % and at
    most 100 %, shares of the strength at least 0, and a rise is more than 0 and at most 1.
    """
    if not isinstance(text, str):
        raise TypeError(f"schedule must be a text such as 'warmup(25%)', got {type(text).__name__}")
    found = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", text)
    if found and found[1] in _KNOWN:
        arguments = [part.strip() for part in found[2].split(",")] if found[2] else []
        try:
            return _KNOWN[found[1]](*arguments)
        except (TypeError, ValueError, OverflowError):  # of another number of arguments, or none that they can be
            pass
    steps = "steps as a whole number or a share of the run such as 25%"
    raise ValueError(f"schedule must be {EXPECTED}, {steps}, got {text!r}")


def normalised_beta(beta: float, *, latents: int, inputs: int) -> float:
    """beta * latents / inputs (Higgins et al. 2017, section 4.2): betas of models of different sizes on one scale.

    `latents` is the size of the code, `inputs` the number of pixels times channels. beta = 4 with 10 latents and
    64 x 64 inputs is 0.0098. Raises ValueError for sizes below 1.
    """
    check_sizes(latents=latents, inputs=inputs)
    return beta * latents / inputs


def beta_of_normalised(normalised: float, *, latents: int, inputs: int) -> float:
    """The beta whose `normalised_beta` that is. Raises ValueError for sizes below 1."""
    check_sizes(latents=latents, inputs=inputs)
    return normalised * inputs / latents
