"""What a sweep's page has around its tables and pictures: the head, and what it cannot tell."""

import pyvae
from pyvae.report.answer import counted
from pyvae.report.page import header
from pyvae.sweeps.report import best
from pyvae.sweeps.report.axes import Axis
from pyvae.sweeps.report.measures import Goal
from pyvae.sweeps.report.sweep import Sweep
from pyvae.sweeps.table.merging import FINISHED

OTHER_IMAGES = ("data", "data_path", "side", "sizes", "likelihood", "noise_variance")
"""Settings that make an image, or what it is worth in nats, another one."""
VALUES = 8
"""Of an axis that the head lists; of more it says how many."""


def head(sweep: Sweep, goal: Goal | None, title: str) -> str:
    """The title, the best configuration, and how much there is of everything."""
    name, study = sweep.folder.resolve().name, f"{sweep.config.study}, preset {sweep.config.preset}"
    kicker = f"{name} · {study} · pyvae {pyvae.__version__}"
    lead = _without_numbers(sweep) if goal is None else best.told(sweep, goal)
    points = [
        f"{sweep.counts.told}.",
        *([_configurations(sweep)] if sweep.seeds is not None and sweep.members else []),
        *(_values(axis) for axis in sweep.axes),
        *(["All models have one seed."] if sweep.seeds is None and sweep.members else []),
        *([_values(sweep.seeds)] if sweep.seeds is not None else []),
        *(best.points(sweep, goal) if goal is not None else []),
    ]
    return header(kicker, title, lead, points)


def _without_numbers(sweep: Sweep) -> str:
    """Why there is nothing to rank."""
    if not sweep.members:
        return "No cell has finished."
    if FINISHED not in sweep.status:
        return "Every model that was trained has diverged."
    return "The study's table has no number to rank cells by."


def _configurations(sweep: Sweep) -> str:
    """What the page's word means."""
    return f"{counted(len(sweep.members), 'configuration')}: cells that differ in their seed alone are one."


def _values(axis: Axis) -> str:
    """An axis and its values, in words."""
    if len(axis) <= VALUES:
        return f"{axis.name}: {', '.join(axis.names)}."
    known = [name for name, value in zip(axis.names, axis.values, strict=True) if value is not None]
    ends = f", {known[0]} to {known[-1]}" if axis.is_numeric else ""
    return f"{axis.name}: {len(axis)} values{ends}."


def limits(sweep: Sweep, goal: Goal | None) -> list[str]:
    """What words and numbers here do not say."""
    if not sweep.members:
        return ["Anything of models: there is none yet."]
    seeds = sweep.over_seeds(sweep.members)
    of = 0 if goal is None else len(sweep.ranked(goal.column, largest=goal.largest))
    found = []
    if of > 1:
        found.append(
            f"How good the best really is: the best of {of} configurations was chosen by the same numbers, of {seeds}, "
            "that it is shown by, and luck was chosen with it. Its mean is too good on average, the more so the more "
            "cells there are; new seeds would tell."
        )
    if differing := [axis.name for axis in sweep.axes if axis.name in OTHER_IMAGES and len(axis) > 1]:
        found.append(
            f"Which {' and '.join(differing)} is better by an error, a KL or an ELBO: of other images, or by another "
            "likelihood, these are other quantities, however they are ranked here. Scores of codes can be compared "
            "where factors are the same."
        )
    if seeds == "one seed":
        found.append("How far seeds scatter: each configuration has one seed, and differences are single readings.")
    else:
        found.append(
            f"Which of many differences hold at once: each 95 % interval, over {seeds}, is of one configuration or one "
            "difference alone, and of a hundred about five miss. Differences take models for independent; those of one "
            "seed may share random numbers."
        )
    found += [
        "Why: axes that were changed together, or chosen at random, are not told apart by means over the others.",
        "What was not tried: the best cell may lie at the edge of an axis or between its values.",
        "What other models draw: pictures are of one seed of a few configurations, and of a few test images.",
    ]
    return found
