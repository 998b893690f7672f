"""Progress of a page: a bar on a terminal, a line for each part elsewhere."""

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from pyvae.training.progress import BarOnTerminal


class PagesProgress(BarOnTerminal):
    """Says which part of so many is drawn next. A context manager."""

    def __init__(self, console: Console, parts: int) -> None:
        super().__init__(console, TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._parts, self._part = parts, 0

    def next(self, what: str) -> None:
        """The part before is done, and this one begins."""
        self._part += 1
        if self._bar is None:
            self._console.print(f"drawing {self._part} of {self._parts}: {what}", highlight=False, markup=False)
        elif not self._bar.task_ids:
            self._bar.add_task(what, total=self._parts)
        else:
            self._bar.update(self._bar.task_ids[0], advance=1, description=what)
