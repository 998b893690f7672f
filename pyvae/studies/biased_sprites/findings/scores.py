"""What becomes of disentanglement: scores of the unbiased test set with the strongest bias beside those without."""

from collections.abc import Sequence

import numpy as np

from pyvae.report.answer import Answer, listed, plus_minus
from pyvae.report.statistics import LEVEL, Array, Interval, simultaneous, t_interval, welch_interval
from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES
from pyvae.studies.biased_sprites.findings.together import ALONE, at_once
from pyvae.studies.biased_sprites.measures import SCORES
from pyvae.studies.biased_sprites.results import Results

NAMES = {
    "active_latents": "the number of active latents",
    "mig": "MIG",
    "minimality": "minimality",
    "sufficiency": "sufficiency",
}


def about_scores(results: Results) -> Answer:
    """How MIG, minimality, sufficiency and active latents change on the unbiased grid: each over all pairs of cells."""
    question = "What becomes of disentanglement on the unbiased test set?"
    pairs = {name: found for name in SCORES if len(found := _pairs(results, name))}
    if not pairs:
        return Answer("scores", question, "No model gives a value.", ())
    details = [_counts(results, name, found) for name, found in pairs.items()]
    details += [ALONE] if results.seeds > 1 else []
    return Answer("scores", question, _verdict(results, pairs), tuple(details))


def _pairs(results: Results, name: str) -> Array:
    """A score without bias and with the strongest of each kind, of every objective and β that has values of both,
    [pairs, 2, seeds].
    """
    found = np.concatenate(
        [
            results.scores(objective, kind, name)[[0, -1]].swapaxes(0, 1)
            for objective in OBJECTIVE_NAMES
            for kind in KINDS
        ]
    )
    return np.asarray(found[~np.isnan(found).all(2).any(1)])


def mean_change(pairs: Array, level: float) -> Interval:
    """The mean over pairs of the score with the bias less that without, over seeds that have all of them.

    Pairs of one objective and β share the models without bias, but no model is of two seeds: what a seed's models give
    on average is independent of the others.
    """
    return t_interval((pairs[:, 1] - pairs[:, 0]).mean(0), level)


def _verdict(results: Results, pairs: dict[str, Array]) -> str:
    changes = {name: mean_change(found, simultaneous(len(pairs))) for name, found in pairs.items()}
    told = {name: plus_minus(change, signed=True) for name, change in changes.items()}
    mean = f"in the mean over {max(map(len, pairs.values()))} pairs of cells"
    if results.seeds == 1:
        every = listed([f"{NAMES[name]} by {by}" for name, by in told.items()])
        return f"One seed gives readings: {mean} the strongest bias changes {every}."
    clear = [name for name, change in changes.items() if change.above_zero or change.below_zero]
    sure = listed([f"{NAMES[name]} by {told[name]}" for name in clear])
    unsure = listed([f"{NAMES[name]} ({by})" for name, by in told.items() if name not in clear])
    if sure:
        said = f"the strongest bias changes {sure}" + (
            f"; whether it changes {unsure} cannot be told" if unsure else ""
        )
    else:
        said = f"it cannot be told whether the strongest bias changes {unsure}"
    seeds = min(change.seeds for change in changes.values())
    return f"I{mean[1:]} {said} ({at_once(len(pairs))}; {seeds} seeds)."


def _counts(results: Results, name: str, pairs: Array) -> str:
    """In how many pairs the score is lower and higher, and by how much on average."""
    change = mean_change(pairs, LEVEL)
    mean = f"the mean change of {NAMES[name]} is {plus_minus(change, signed=True)}"
    each = [welch_interval(after, before) for before, after in pairs]
    if results.seeds == 1:
        down, up = (sum(side * one.mean > 0 for one in each) for side in (-1, 1))
        return f"Over {len(pairs)} pairs {mean}, of one seed; it reads lower in {down} and higher in {up}."
    down, up = sum(one.below_zero for one in each), sum(one.above_zero for one in each)
    over = f"{len(pairs)} pairs and {change.seeds} seeds"
    return f"Over {over} {mean}; it is lower in {down} and higher in {up}.{_same(each)}"


def _same(changes: Sequence[Interval]) -> str:
    """How many have no interval, since no seed differs from another, as a sentence; empty of none."""
    same = [change.mean for change in changes if change.same]
    down, up = sum(mean < 0 for mean in same), sum(mean > 0 for mean in same)
    if not same:
        return ""
    return (
        f" Of {len(same)} there is no interval, since their seeds do not differ: these are lower in {down} and higher "
        f"in {up}."
    )
