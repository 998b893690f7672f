"""Progress of evaluation: a bar on a terminal, a line for each group of models elsewhere."""

import threading

from rich.console import Console

from pyvae.errors import Interrupted
from pyvae.training.progress import BarOnTerminal


class EvaluationProgress(BarOnTerminal):
    """Says which models are measured next, and raises Interrupted once `stop` is set. A context manager."""

    def __init__(self, console: Console, stop: threading.Event) -> None:
        super().__init__(console)
        self._stop = stop

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
