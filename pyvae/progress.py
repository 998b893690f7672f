"""A bar on standard error for those who ask for one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(what: str, steps: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Yields a function that says one of `steps` is done; without `shown` it does nothing."""
    if not shown:
        yield lambda: None
        return
    from rich.console import Console  # whose import takes as long as that of half of pyvae
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=console.is_terminal) as bar:
        task = bar.add_task(what, total=steps)
        yield lambda: bar.advance(task)
