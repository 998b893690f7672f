"""What the numbers of a schedules study cannot carry."""

import numpy as np

from pyvae.report.answer import Answer, listed
from pyvae.studies.schedules.findings.words import named
from pyvae.studies.schedules.results import Results
from pyvae.studies.schedules.runs import FROM_10000, RUNS

QUESTION = "What can these numbers not tell?"


def about_limits(results: Results) -> Answer:
    """Seeds, time, and what has diverged."""
    seeds = named(results.seeds)
    several = f"One data set, one network: intervals are over {len(results.seeds)} seeds alone ({seeds})."
    one = f"One data set, one network, one seed ({seeds}): every number is a reading, without an interval."
    details = [
        _tail(results),
        _time(results),
        "Every number is of images that models were trained on or could have been: nothing is about generalisation.",
    ]
    if lost := _lost(results):
        details.append(lost)
    return Answer("limits", QUESTION, several if len(results.seeds) > 1 else one, tuple(details))


def _tail(results: Results) -> str:
    times = listed([f"{results.steps_at_rest(arm)} of {arm.name}" for arm in results.falling])
    return (
        f"A schedule that falls leaves few steps at its last β ({times}), the constant β has all "
        f"{results.config.training.steps}: what is missing may be time, not a lasting harm. --set steps=N shortens and "
        "lengthens both."
    )


def _time(results: Results) -> str:
    training = results.config.training
    lengths = f"{training.steps} steps, {RUNS[FROM_10000].steps(training.steps)} of one schedule"
    if training.patience is None:
        return f"Training was for a fixed length, {lengths}, whether or not anything had settled."
    return f"Training was until the objective stopped improving, for at most {lengths}: a β may not have had its end."


def _lost(results: Results) -> str:
    """The models without finite numbers, by their names; empty where there are none."""
    found = [(arm, ~results.known(arm)) for arm in results.arms]
    names = [
        f"{arm.name} of {named(tuple(np.array(results.seeds)[lost].tolist()))}" for arm, lost in found if lost.any()
    ]
    if not names:
        return ""
    lost, models = sum(int(one.sum()) for _, one in found), len(found) * len(results.seeds)
    were = "has diverged and is" if lost == 1 else "have diverged and are"
    return f"{lost} of {models} models {were} left out of every number: {'; '.join(names)}."
