"""Models measured side by side, each by a process of its own: most scores keep one core busy, and threads would wait
for each other's Python.

The processes are joblib's, which comes with scikit-learn; without it models are measured one after the other. Either
way numbers have the same bits, and whoever measures a model writes its file.
"""

import functools
import importlib.util
import os
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from multiprocessing import current_process
from pathlib import Path
from typing import NamedTuple

import torch

from pyvae.errors import Interrupted
from pyvae.metrics import Metric
from pyvae.studies.errors import StudyError
from pyvae.studies.scores import Part, Points, Scores, Task
from pyvae.studies.study import Announce

MOST = 8
"""Processes at most: each holds torch and scikit-learn, a third of a gigabyte."""
MODELS_EACH = 4
"""For fewer models a process is not worth the seconds of its start."""

Model = tuple[Scores, int]
"""One of a group's, by its place there."""
Tell = Callable[[Model, Metric], None]


def processes_for(models: int) -> int:
    """How many measure so many models: no more than torch has threads, so that OMP_NUM_THREADS bounds both."""
    wanted = min(torch.get_num_threads(), MOST, models // MODELS_EACH)
    return wanted if wanted > 1 and _may_start_some() else 1


def _may_start_some() -> bool:
    """Whether joblib is there, on a system with semaphores, and this process is none that may not start others."""
    if importlib.util.find_spec("joblib") is None or current_process().daemon:
        return False
    from joblib.parallel import mp  # None without semaphores, and for JOBLIB_MULTIPROCESSING=0

    return mp is not None


def measure_all(scores: Sequence[Scores], points: Points, announce: Announce) -> None:
    """Every pair of model and metric that is not known yet; models are announced by how many of all are known."""
    models = sum(len(one.parts) for one in scores)
    todo = [(one, k) for one in scores for k in range(len(one.parts)) if one.open(k)]
    count = processes_for(len(todo))
    known = models - len(todo)
    with closing(measured(todo, points)) as found:
        while known < models:
            announce(known, min(known + count, models), models)
            next(found)
            known += 1


def measured(
    todo: Sequence[Model], points: Points, tell: Tell = lambda model, metric: None
) -> Generator[Model, None, None]:
    """Measures of these models what is not known yet, and yields each when it is done.

    `tell` hears of every metric: before it is measured, or once its model is done where several processes are at work.
    What it raises stops them all; the metrics that are done are kept.
    """
    count = processes_for(len(todo))
    return _in_turn(todo, points, tell) if count == 1 else _side_by_side(todo, points, tell, count)


def _in_turn(todo: Sequence[Model], points: Points, tell: Tell) -> Generator[Model, None, None]:
    for model in todo:
        scores, k = model
        scores.task(k, points).measure(functools.partial(tell, model))
        yield model


def _side_by_side(todo: Sequence[Model], points: Points, tell: Tell, count: int) -> Generator[Model, None, None]:
    left = dict(enumerate(todo))
    with tempfile.TemporaryDirectory() as folder:
        stop = Path(folder) / "stop"
        found = _started(_orders(todo, points, stop), count)
        try:
            for place, part in found:
                scores, k = model = left.pop(place)
                metrics = scores.open(k)
                scores.parts[k].update(part)
                for metric in metrics:
                    tell(model, metric)
                yield model
        except BrokenProcessPool:
            raise StudyError(
                "a process that measured models was ended from outside, perhaps for want of memory; what is done is "
                "kept: run the same again, with OMP_NUM_THREADS=1 for one model at a time"
            ) from None
        finally:
            stop.touch()
            with suppress(BrokenProcessPool):
                deque(found, maxlen=0)  # a metric each, until all have seen it
            for scores, k in left.values():
                scores.read(k)  # what was kept of models that are not done


class _Order(NamedTuple):
    """A model to be measured by another process."""

    place: int
    task: Task
    parent: int
    stop: Path
    """A file that asks to stop by being there."""

    def carried_out(self) -> tuple[int, Part]:
        """The model's place, and what is known of it."""
        _follow(self.parent)
        with suppress(Interrupted):
            self.task.measure(self._heed)
        return self.place, self.task.part

    def _heed(self, metric: Metric) -> None:
        if self.stop.exists():
            raise Interrupted("stopped while measuring")


def _orders(todo: Sequence[Model], points: Points, stop: Path) -> Iterator[_Order]:
    """Codes are computed when a process is about to take them."""
    for place, (scores, k) in enumerate(todo):
        if stop.exists():
            return
        yield _Order(place, scores.task(k, points), os.getpid(), stop)


def _started(orders: Iterable[_Order], count: int) -> Generator[tuple[int, Part], None, None]:
    """Processes at work on orders, with the threads dealt out among them. Codes are sent as they are, not by files."""
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=max(1, torch.get_num_threads() // count)):
        run = Parallel(count, return_as="generator_unordered", max_nbytes=None, pre_dispatch=count, batch_size=1)
    with _without_interrupts():
        return run(delayed(order.carried_out)() for order in orders)  # type: ignore[no-any-return]


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """What is started meanwhile never hears of ctrl-C, which is for the process that the user started."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@functools.cache
def _follow(parent: int) -> None:
    """A process ends with the one that it works for, even if that is killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
