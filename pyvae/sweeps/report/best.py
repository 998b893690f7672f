"""The best configurations of a sweep: which they are, and what the seeds can tell of it."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pyvae.report.page import paragraph
from pyvae.report.sortable import Row, Value, Worded, sortable_table
from pyvae.report.statistics import Interval, welch_interval
from pyvae.sweeps.report.axes import Axis
from pyvae.sweeps.report.measures import Format, Goal
from pyvae.sweeps.report.sweep import Sweep


def told(sweep: Sweep, goal: Goal) -> str:
    """The best configuration, and whether it can be told from the next, in sentences that name the seeds."""
    order = sweep.ranked(goal.column, largest=goal.largest)
    if not order:
        return f"No model has a value of {goal.column}."
    best = order[0]
    if len(sweep.members) == 1:
        return f"{goal.column} is {_stands(sweep, goal, best)}: there is one configuration."
    if (alike := _alike(sweep, goal, order)) is not None:
        return alike
    sentence = f"By {goal.column}, of which {goal.words}: {sweep.name(best)}, with {_stands(sweep, goal, best)}."
    if len(order) == 1:
        return f"{sentence} It is the only configuration with a value."
    return f"{sentence} {_next(sweep, goal, order)}"


def points(sweep: Sweep, goal: Goal) -> list[str]:
    """What else can be said of the best one."""
    order = sweep.ranked(goal.column, largest=goal.largest)
    found = [goal.said] if len(sweep.members) > 1 else []
    if _alike(sweep, goal, order) is not None:
        return found
    if len(order) > 2:
        gains = [_gain(sweep, goal, order[0], other) for other in order[1:]]
        alike = sum(gain.undecided for gain in gains)
        if known := sum(gain.known for gain in gains):
            found.append(
                f"Of the {known} other configurations with an interval, {alike} cannot be told from the best one: the "
                "95 % interval of the difference (Welch, over seeds, each alone) holds 0."
            )
    if (unseen := read_on_the_seed_left_out(sweep, goal)) is not None:
        told = Format.of(sweep.values(goal.column))
        found.append(
            f"Chosen by all seeds but one and read on that one, in turn for each of {unseen.seeds} seeds, the best of "
            f"the {unseen.configurations} configurations with all seeds gives {told(unseen.mean)} on average, beside "
            f"{told(unseen.own)} where the seeds that choose are also those that are read."
        )
    return found


class Unseen(NamedTuple):
    """What choosing the best is worth on a seed that had no part in the choice."""

    mean: float
    own: float
    """Of the best one by all seeds, on these same seeds."""
    seeds: int
    configurations: int
    """With a value for every seed: among these was chosen."""


def read_on_the_seed_left_out(sweep: Sweep, goal: Goal) -> Unseen | None:
    """What the best configuration gives where it is chosen by other seeds than it is read on; None with one seed or one
    configuration, where nothing is chosen.
    """
    if sweep.seeds is None or len(sweep.members) < 2:
        return None
    table = np.full((len(sweep.members), len(sweep.seeds)), np.nan)
    values, places = sweep.values(goal.column), sweep.seeds.places
    for k, rows in enumerate(sweep.members):
        table[k, places[rows]] = values[rows]
    full = (1 if goal.largest else -1) * table[np.isfinite(table).all(1)]
    configurations, seeds = full.shape
    if configurations < 2 or seeds < 2:
        return None
    chosen = (full.sum(1, keepdims=True) - full).argmax(0)
    sign = 1 if goal.largest else -1
    mean, own = sign * full[chosen, np.arange(seeds)].mean(), sign * full.mean(1).max()
    return Unseen(float(mean), float(own), seeds, configurations)


def ranking(sweep: Sweep, goal: Goal, measures: Sequence[str], shown: Sequence[int], panes: Mapping[int, str]) -> str:
    """A table of some configurations, in the order of the goal; `panes` are those with pictures, by the first row."""
    order = sweep.ranked(goal.column, largest=goal.largest)
    place = {configuration: k + 1 for k, configuration in enumerate(order)}
    formats = {measure: Format.of(sweep.values(measure)) for measure in measures}
    rows = [
        Row(
            [
                Worded(f"{place[k]}, pictures", place[k]) if k in panes else place[k],
                *(_on(axis, int(sweep.members[k][0])) for axis in sweep.axes),
                *(_measured(sweep.interval(measure, k), formats[measure]) for measure in measures),
                _known(sweep, goal, k),
            ],
            panes.get(k),
        )
        for k in shown
    ]
    head = ["place", *(axis.name for axis in sweep.axes), *measures, "seeds"]
    left = len(order) - len(shown)
    every = "The only configuration" if len(order) == 1 else f"All {len(order)} configurations"
    note = f"{len(shown)} of {len(order)} configurations" if left else every
    note += f" with a value of {goal.column}"
    of = sweep.over_seeds([sweep.members[k] for k in shown])
    meant = (
        "one seed each, without an interval"
        if of == "one seed"
        else f"mean over {of}, ± half a 95 % t interval; without one, where there is one value or all are the same"
    )
    return sortable_table(head, rows, "The best configurations") + paragraph(f"{note}: {meant}.", "note")


def chosen(order: Sequence[int], best: int, worst: int) -> list[int]:
    """The first and the last ones of a ranking."""
    return [*order[:best], *order[max(best, len(order) - worst) :]]


def _alike(sweep: Sweep, goal: Goal, order: Sequence[int]) -> str | None:
    """That there is no best one where several configurations have the same mean."""
    means = sweep.means(goal.column)[list(order)]
    if len(order) < 2 or np.ptp(means) > 0:
        return None
    value = Format.of(sweep.values(goal.column))(float(means[0]))
    return f"All {len(order)} configurations have the same {goal.column}, {value}: none is the best."


def _next(sweep: Sweep, goal: Goal, order: Sequence[int]) -> str:
    """How the best one stands beside the next."""
    first, second = order[:2]
    following = f"The next is {sweep.name(second)}, with {_stands(sweep, goal, second)}"
    gain = _gain(sweep, goal, first, second)
    if gain.seeds < 2:
        return f"{following}: with one seed nothing tells whether they differ."
    if gain.same:
        return f"{following}: no seed of either differs from another, so that there is no interval."
    difference = f"it is behind by {Format.of(sweep.values(goal.column)).interval(gain)}"
    if gain.undecided:
        return f"{following}: {difference}, so that it cannot be told from the best."
    return f"{following}: {difference}, whose 95 % interval does not hold 0."


def _gain(sweep: Sweep, goal: Goal, first: int, second: int) -> Interval:
    """How much better the first one is; above 0 where it is."""
    values = sweep.values(goal.column)
    return welch_interval(values[sweep.members[first]], values[sweep.members[second]]).times(1 if goal.largest else -1)


def _stands(sweep: Sweep, goal: Goal, configuration: int) -> str:
    """A configuration's mean, and over how many seeds it is."""
    interval, models = sweep.interval(goal.column, configuration), len(sweep.members[configuration])
    found = Format.of(sweep.values(goal.column)).interval(interval)
    if interval.seeds < models:
        return f"{found} over {interval.seeds} of {models} seeds (the others have no value)"
    if interval.same:
        return found
    return f"{found} {'of one seed' if models == 1 else f'over {models} seeds'}"


def _known(sweep: Sweep, goal: Goal, configuration: int) -> int:
    """How many of its models have a value."""
    return int(np.isfinite(sweep.values(goal.column)[sweep.members[configuration]]).sum())


def _on(axis: Axis, row: int) -> Value:
    found: Value = axis.values[axis.places[row]]
    return found


def _measured(interval: Interval, form: Format) -> Value:
    if math.isnan(interval.mean):
        return None
    return Worded(form.short(interval), interval.mean)
