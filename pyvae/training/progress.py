"""Progress of training: a bar on a terminal, a plain line now and then elsewhere."""

import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pyvae.training.rate import Rate

PLAIN_LINE_SECONDS = 20.0
MEMORY_SECONDS = 60.0
"""Over which speed and time left are smoothed: other programs come and go on the same cores."""


class BarOnTerminal:
    """A bar where the console is a terminal, which starts and stops with the context; elsewhere none."""

    def __init__(self, console: Console, *columns: str | ProgressColumn, **options: Any) -> None:
        self._console = console
        self._bar = Progress(*columns, console=console, transient=True, **options) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()


class TrainingProgress(BarOnTerminal):
    """Shows step, models in training, mean ELBO, model-steps per second and time left. A context manager."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        super().__init__(console, *columns, speed_estimate_period=MEMORY_SECONDS)
        self._steps = self._step = 0
        self._elbo: float | None = None
        self._line = time.monotonic()
        self._rate = Rate(MEMORY_SECONDS, self._line)

    def start(self, models: int, steps: int, step: int) -> None:
        """Training begins at `step`."""
        self._steps, self._step = steps, step
        self._line = time.monotonic()
        self._rate = Rate(MEMORY_SECONDS, self._line)
        resumed = f", from step {step}" if step else ""
        self._console.print(
            f"training {_models(models)} for {steps} step{'' if steps == 1 else 's'}{resumed}", highlight=False
        )
        if self._bar is not None:
            for task in self._bar.task_ids:  # of the cohort before
                self._bar.remove_task(task)
            self._bar.add_task("", total=steps, completed=step)

    def advance(self, step: int, models: int, elbo: float | None) -> None:
        """`step` steps are done, with so many models still in training; `elbo` when a new mean is known."""
        now = time.monotonic()
        self._rate.add(models * (step - self._step), now)
        self._step = step
        if elbo is not None:
            self._elbo = elbo
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=step, description=self._text(models))
        elif now - self._line > PLAIN_LINE_SECONDS or step == self._steps:
            self._line = now
            rate = self._rate.per_second
            left = f"  {(self._steps - step) * models / rate / 60:.1f} min left" if rate else ""
            self._console.print(f"step {step}/{self._steps}  {self._text(models)}{left}", highlight=False)

    def diverged(self, step: int, models: list[str], stopped: bool) -> None:
        """Models, in words, whose loss is no longer a number; `stopped` when no other is left."""
        shown = "; ".join(models[:3]) + (f" and {len(models) - 3} more" if len(models) > 3 else "")
        text = f"{_models(len(models))} diverged by step {step}: {shown}"
        hint = ". None is left to train: training stops" if stopped else ""
        self._console.print(f"{text}{hint}. A smaller learning_rate may help.", highlight=False)

    def _text(self, models: int) -> str:
        rate = self._rate.per_second
        elbo = "" if self._elbo is None else f"  ELBO {self._elbo:.2f}"
        speed = "" if rate is None else f"  {rate:.0f} model-steps/s"
        return f"{_models(models)}{elbo}{speed}"


def _models(number: int) -> str:
    return f"{number} model{'' if number == 1 else 's'}"
