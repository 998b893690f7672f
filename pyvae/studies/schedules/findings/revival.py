"""Do models that are out of use under a high β come into use as it falls, and where?

Curves have a point for every so many steps, the mean over them: a record. A model is in use from that record on after
which its KL stays above `IN_USE_NATS`. KL may have crossed it anywhere from the first step of the record before, whose
mean lies below, to the last step of this one, whose mean does not: β there is known to a bracket, no closer.

That a model stays out of use says something of the fall only where it had time: as many steps at the last β as models
take to come into use that have had this β from the start.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyvae.report.answer import Answer, counted, listed
from pyvae.studies.schedules.findings.comparison import IN_USE_NATS
from pyvae.studies.schedules.findings.words import Seeds, beta, named, no_verdict, over
from pyvae.studies.schedules.results import ROUNDING, Arm, Array, Records, Results
from pyvae.studies.schedules.runs import CONSTANT, RUNS

QUESTION = "Does a model that a high β keeps out of use come into use when β falls?"
HIGH = 2.0
"""Times the β at which linear theory has the first latent collapse: beyond it a model has had every reason to."""
WIDE = 1.5
"""Ends of a bracket whose ratio is larger are far from each other."""


class Bracket(NamedTuple):
    """The values of β between which models came into use, high >= low; equal where β had come to rest before."""

    high: float
    low: float


class Revival(NamedTuple):
    """What a model did while its β fell."""

    out: bool
    """Whether it was out of use, with a KL below IN_USE_NATS, in a record throughout which β was high."""
    before: bool
    """Whether it had been in use before: it has collapsed. One that never was may have learned nothing yet."""
    back: Bracket | None
    """Where it came into use, and stayed so; None where it did not."""


class Pace(NamedTuple):
    """How fast models come into use at a constant β, the one at which schedules end: what a fall is measured by."""

    arm: Arm | None
    models: int
    in_use: int
    """Those that are in use at the end of their training."""
    steps: int | None
    """Within which all of them were; None where some are not."""


class Fall(NamedTuple):
    """What the models of a schedule did, those alone that ended with finite numbers."""

    arm: Arm
    used: Seeds
    ever_high: bool
    """Whether β was high throughout any record."""
    seen_to_fall: bool
    """Whether any record is between the β at which linear theory has the first latent collapse and the schedule's end:
    where there is none, β falls from above one to the other between two records, and the curve cannot tell where.
    """
    revivals: list[Revival]
    rested: int
    """Steps that every model had at the last β, at least."""
    steps_apart: int
    """Steps of a record."""

    @property
    def out(self) -> list[Revival]:
        """The models that were out of use while β was high."""
        return [one for one in self.revivals if one.out]

    @property
    def stayed(self) -> int:
        """How many of them did not come into use."""
        return len(self.out) - len(self.back)

    def had_time(self, pace: Pace) -> bool:
        """Whether the models that stayed out of use had time to come into it."""
        return pace.steps is not None and self.rested >= pace.steps

    @property
    def back(self) -> list[Bracket]:
        return [one.back for one in self.revivals if one.back is not None]

    @property
    def union(self) -> Bracket:
        """From the highest to the lowest end of the brackets of all models that came into use."""
        return Bracket(max(one.high for one in self.back), min(one.low for one in self.back))


def about_revival(results: Results) -> Answer:
    """The verdict with its brackets, then every schedule, then where linear theory expects it."""
    falls, at_rest = [fall(results, arm) for arm in results.falling], pace(results)
    details = [*(_told(results, one, at_rest) for one in falls), _theory(results)]
    return Answer("revival", QUESTION, _verdict(results, falls, at_rest), tuple(details))


def fall(results: Results, arm: Arm) -> Fall:
    """What every model of a schedule did, from its training curve."""
    used, records = results.known(arm), results.records(arm, "kl")
    high = records.last > _high(results)  # β falls: that of the last step is the lowest of a record
    falls = (records.first <= _first(results)) & (records.last > (1 + ROUNDING) * arm.beta)
    revivals = [revival(records, high, values) for values in records.values[used]]
    seen_to_fall = bool(falls.any()) or arm.beta >= _first(results)
    rested = _rested(results, arm, records, records.values[used])
    steps_apart = int(np.diff(records.steps, prepend=0).max(initial=0))
    return Fall(arm, used, bool(high.any()), seen_to_fall, revivals, rested, steps_apart)


def revival(records: Records, high: NDArray[np.bool_], kl: Array) -> Revival:
    """What the model with this KL did, [P] like the records; NaN after the end of a training that stopped early."""
    low = np.flatnonzero(kl < IN_USE_NATS)
    out = low[high[low]]
    if not len(out):
        return Revival(False, False, None)
    before, since = bool((kl[: out[-1]] >= IN_USE_NATS).any()), in_use_from(kl)
    back = None if since is None else Bracket(float(records.first[low[-1]]), float(records.last[since]))
    return Revival(True, before, back)


def in_use_from(kl: Array) -> int | None:
    """The record from which the model with this KL is in use, and stays so; None of one that is not at its end."""
    seen = np.flatnonzero(np.isfinite(kl))
    low = np.flatnonzero(kl < IN_USE_NATS)
    later = seen[seen > low[-1]] if len(low) else seen
    return int(later[0]) if len(later) else None


def pace(results: Results) -> Pace:
    """Of the models of the constant β at which schedules end."""
    arm = results.arm(CONSTANT, 1.0)
    if arm is None:
        return Pace(None, 0, 0, None)
    records = results.records(arm, "kl")
    since = [in_use_from(kl) for kl in records.values[results.known(arm)]]
    steps = [int(records.steps[one]) for one in since if one is not None]
    return Pace(arm, len(since), len(steps), max(steps) if steps and len(steps) == len(since) else None)


def _rested(results: Results, arm: Arm, records: Records, kl: Array) -> int:
    """Steps that every model, [models, P], had at the last β: fewer than the schedule has where one stopped early."""
    last = [int(records.steps[np.flatnonzero(np.isfinite(one))].max(initial=0)) for one in kl]
    fallen = RUNS[arm.group].steps(results.config.training.steps) - results.steps_at_rest(arm)
    return max(0, min(last, default=0) - fallen)


def _high(results: Results) -> float:
    return HIGH * _first(results)


def _first(results: Results) -> float:
    return float(results.collapse_betas[0])


def _verdict(results: Results, falls: list[Fall], at_rest: Pace) -> str:
    high, models = beta(_high(results)), sum(len(one.revivals) for one in falls if one.ever_high)
    out, back = sum(len(one.out) for one in falls), sum(len(one.back) for one in falls)
    used = np.logical_or.reduce([one.used for one in falls])
    seeds = over(results, used)
    if not used.any():
        return f"There is no verdict: no model of a falling β gave a finite number ({named(results.seeds)})."
    if not models:
        return f"This run cannot tell: in no record of a model with finite numbers was β above {high} ({seeds})."
    if not out:
        return (
            f"There was nothing to come into use: none of {models} models had a KL below {IN_USE_NATS:g} nats while β "
            f"was above {high} ({seeds})."
        )
    reading = "A reading: " if used.sum() == 1 else ""
    were = f"{counted(out, 'model')} with a KL below {IN_USE_NATS:g} nats while β was above {high}"
    if back:
        yes = "Yes: " if back == out else "Some do: "
        where = "; ".join(f"{one.arm.name} {_where(one)}" for one in falls if one.back)
        return f"{reading or yes}{back} of {were} came into use ({seeds}): {where}. {_before(falls)}"
    given = [one for one in falls if one.stayed and one.had_time(at_rest)]
    if not given:
        why = _why_not(at_rest, max((one for one in falls if one.stayed), key=lambda one: one.rested))
        return f"This run cannot tell: of {were} none came into use before training ended, but {why} ({seeds})."
    stayed, rested = sum(one.stayed for one in given), min(one.rested for one in given)
    return (
        f"{reading or 'No: '}of {were} none came into use before training ended, though {stayed} had {rested} steps or "
        f"more at the last β, and {_takes(at_rest)} ({seeds}). {_before(falls)}"
    )


def _before(falls: list[Fall]) -> str:
    """How many of the models out of use had been in use before, which alone have collapsed."""
    out = [model for one in falls for model in one.out]
    before = sum(model.before for model in out)
    if len(out) == 1:
        return f"It had {'been in use before, and collapsed' if before else 'never been in use, and not collapsed'}."
    rest = "they were kept from it, and had not collapsed" if not before else "these had collapsed"
    return f"{before} of the {len(out)} had been in use before: {rest}."


def _takes(at_rest: Pace) -> str:
    """How long models take at that β from the start."""
    assert at_rest.arm is not None and at_rest.steps is not None
    models = counted(at_rest.models, "model")
    return f"with {at_rest.arm.name} from the start {models} came into use within {at_rest.steps}"


def _why_not(at_rest: Pace, one: Fall) -> str:
    """Why models that stay out of use show nothing, as half a sentence."""
    last = f"β had been at {beta(one.arm.beta)} for {counted(one.rested, 'step')}"
    if at_rest.arm is None or not at_rest.models:
        return f"{last}, and no model of a constant β = {beta(one.arm.beta)} says how long that takes"
    if at_rest.steps is None:
        itself = f"{at_rest.in_use} of {counted(at_rest.models, 'model')}"
        return f"{last}, and with {at_rest.arm.name} from the start {itself} came into use"
    return f"{last} only, and {_takes(at_rest)}"


def _told(results: Results, one: Fall, at_rest: Pace) -> str:
    """A schedule in a sentence."""
    if not one.used.any():
        return no_verdict(results, one.arm)
    models, name, high = len(one.revivals), one.arm.name, beta(_high(results))
    seeds = over(results, one.used)
    if not one.ever_high:
        return f"{name}: β was never above {high} throughout a record of {one.steps_apart} steps ({seeds})."
    had = f"{name}: {len(one.out)} of {models} had a KL below {IN_USE_NATS:g} nats while β was above {high} ({seeds})"
    if not one.out:
        return f"{had}."
    came = f"{len(one.back)} of them came into use, {_where(one)}{_how_well(results, one)}" if one.back else ""
    if not one.stayed:
        return f"{had}; {came}."
    stayed = f"{one.stayed} did not" if one.back else "none of them came into use"
    time = f"in {one.rested} steps at the last β" if one.had_time(at_rest) else f"but {_why_not(at_rest, one)}"
    return f"{'; '.join(filter(None, (had, came, stayed)))}, {time}."


def _where(one: Fall) -> str:
    found = one.union
    if found.high == found.low:
        return f"after β had come to rest at {beta(found.low)}"
    unseen = "" if one.seen_to_fall else ", the curve cannot tell where"
    return f"somewhere between β = {beta(found.high)} and β = {beta(found.low)}{unseen}"


def _how_well(results: Results, one: Fall) -> str:
    """How much a bracket says, as the rest of a sentence."""
    found, first = one.union, _first(results)
    if found.high == found.low:
        return ""
    of = " (the union over their brackets)" if len(one.back) > 1 else ""
    times = f", which is {found.high / first:.2f} to {found.low / first:.2f} times 2λ_1"
    apart = f"records are {one.steps_apart} steps apart"
    if not one.seen_to_fall:
        return f"{of}: β fell from above 2λ_1 to its end without a record between them ({apart})"
    if found.high > WIDE * found.low:
        return f"{of}{times}: a wide bracket ({apart})"
    return f"{of}{times} ({apart})"


def _theory(results: Results) -> str:
    first = _first(results)
    ends = listed([f"{arm.name} ends {'below' if arm.beta < first else 'above'} it" for arm in results.falling])
    return (
        f"Linear theory has the first latent come into use when β falls below 2λ_1 = {first:.1f}, twice the variance "
        f"of the data's first principal component; {ends}."
    )
