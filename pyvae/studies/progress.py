"""Progress of evaluation: a bar on a terminal, a line for each group of models elsewhere."""

import threading
from types import TracebackType

from rich.console import Console
from rich.progress import Progress

from pyvae.errors import Interrupted


class EvaluationProgress:
    """Says which models are measured next, and raises Interrupted once `stop` is set. A context manager."""

    def __init__(self, console: Console, stop: threading.Event) -> None:
        self._console, self._stop = console, stop
        self._bar = Progress(console=console, transient=True) if console.is_terminal else None

    def __enter__(self) -> "EvaluationProgress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, start: int, end: int, models: int) -> None:
        """Models `start` to `end` of `models` come next."""
        if self._stop.is_set():
            raise Interrupted("stopped while evaluating, training is kept")
        text = f"evaluating models {start + 1} to {end} of {models}"
        if self._bar is None:
            self._console.print(text, highlight=False)
            return
        if not self._bar.task_ids:
            self._bar.add_task("", total=models)
        self._bar.update(self._bar.task_ids[0], completed=start, description=text)
