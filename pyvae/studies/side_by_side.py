"""Models measured side by side, each by a process of its own: most scores keep one core busy, and threads would wait
for each other's Python.

The processes are joblib's, which comes with scikit-learn; without it models are measured one after the other. Either
way numbers have the same bits, and whoever measures a model writes its file.
"""

import functools
import importlib.util
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence

import torch

from pyvae.metrics import Metric
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
    if importlib.util.find_spec("joblib") is None:
        return 1
    return max(1, min(torch.get_num_threads(), MOST, models // MODELS_EACH))


def measure_all(scores: Sequence[Scores], points: Points, announce: Announce) -> None:
    """Every pair of model and metric that is not known yet; models are announced by how many of all are known."""
    models = sum(len(one.parts) for one in scores)
    todo = [(one, k) for one in scores for k in range(len(one.parts)) if one.open(k)]
    count = processes_for(len(todo))
    known = models - len(todo)
    found = measured(todo, points)
    while known < models:
        announce(known, min(known + count, models), models)
        next(found)
        known += 1


def measured(todo: Sequence[Model], points: Points, tell: Tell = lambda model, metric: None) -> Iterator[Model]:
    """Measures of these models what is not known yet, and yields each when it is done.

    `tell` hears of every metric: before it is measured, or once its model is done where several processes are at work.
    What it raises stops them all; the metrics that are done are kept.
    """
    count = processes_for(len(todo))
    return _in_turn(todo, points, tell) if count == 1 else _side_by_side(todo, points, tell, count)


def _in_turn(todo: Sequence[Model], points: Points, tell: Tell) -> Iterator[Model]:
    for model in todo:
        scores, k = model
        scores.task(k, points).measure(functools.partial(tell, model))
        yield model


def _side_by_side(todo: Sequence[Model], points: Points, tell: Tell, count: int) -> Iterator[Model]:
    from joblib import Parallel, delayed

    # Codes are sent as they are, not through files; a model is encoded when a process is about to take it.
    run = Parallel(count, return_as="generator_unordered", max_nbytes=None, pre_dispatch=count)
    tasks = (delayed(_measured_apart)(place, os.getpid(), one.task(k, points)) for place, (one, k) in enumerate(todo))
    found = run(tasks)
    try:
        for place, part in found:
            scores, k = model = todo[place]
            metrics = scores.open(k)
            scores.parts[k].update(part)
            for metric in metrics:
                tell(model, metric)
            yield model
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that tasks were cancelled, which is what a stop is for
            found.close()


def _measured_apart(place: int, parent: int, task: Task) -> tuple[int, Part]:
    _follow(parent)
    return place, task.measure()


@functools.cache
def _follow(parent: int) -> None:
    """A process ends with the one that it works for, even if that is killed, and leaves ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
