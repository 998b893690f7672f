"""Do models that have collapsed under a high β come back as it falls, and where?

Curves have a point for every so many steps, the mean over them: a record. A model is back from that record on after
which its KL stays above `IN_USE_NATS`. KL may have crossed it anywhere from the first step of the record before, whose
mean lies below, to the last step of this one, whose mean does not: β there is known to a bracket, no closer.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyvae.report.answer import Answer, listed
from pyvae.studies.schedules.findings.comparison import IN_USE_NATS
from pyvae.studies.schedules.findings.words import Seeds, beta, named, no_verdict, over
from pyvae.studies.schedules.results import Arm, Array, Records, Results

QUESTION = "Does a collapsed model recover when β falls?"
HIGH = 2.0
"""Times the β at which linear theory has the first latent collapse: beyond it a model has had every reason to."""
WIDE = 1.5
"""Ends of a bracket whose ratio is larger are far from each other."""


ROUNDING = 1e-6
"""Of β, relative."""


class Bracket(NamedTuple):
    """The values of β between which models came back, high >= low; equal where β had come to rest before."""

    high: float
    low: float


class Revival(NamedTuple):
    """What a model did while its β fell."""

    collapsed: bool
    """Whether its KL was below IN_USE_NATS in a record throughout which β was high."""
    back: Bracket | None
    """Where it came back; None where it did not."""


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
    steps_apart: int
    """Steps of a record."""

    @property
    def collapsed(self) -> int:
        return sum(one.collapsed for one in self.revivals)

    @property
    def back(self) -> list[Bracket]:
        return [one.back for one in self.revivals if one.back is not None]

    @property
    def union(self) -> Bracket:
        """From the highest to the lowest end of the brackets of all models that came back."""
        return Bracket(max(one.high for one in self.back), min(one.low for one in self.back))


def about_revival(results: Results) -> Answer:
    """The verdict with its brackets, then every schedule, then where linear theory expects it."""
    falls = [fall(results, arm) for arm in results.falling]
    details = [*(_told(results, one) for one in falls), _theory(results)]
    return Answer("revival", QUESTION, _verdict(results, falls), tuple(details))


def fall(results: Results, arm: Arm) -> Fall:
    """What every model of a schedule did, from its training curve."""
    used, records = results.known(arm), results.records(arm, "kl")
    high = records.last > _high(results)  # β falls: that of the last step is the lowest of a record
    falls = (records.first <= _first(results)) & (records.last > (1 + ROUNDING) * arm.beta)
    revivals = [revival(records, high, values) for values in records.values[used]]
    steps_apart = int(np.diff(records.steps, prepend=0).max(initial=0))
    return Fall(arm, used, bool(high.any()), bool(falls.any()) or arm.beta >= _first(results), revivals, steps_apart)


def revival(records: Records, high: NDArray[np.bool_], kl: Array) -> Revival:
    """What the model with this KL did, [P] like the records; NaN after the end of a training that stopped early."""
    seen = np.flatnonzero(np.isfinite(kl))
    low = seen[kl[seen] < IN_USE_NATS]
    if not high[low].any():
        return Revival(False, None)
    later = seen[seen > low[-1]]
    return Revival(True, Bracket(float(records.first[low[-1]]), float(records.last[later[0]])) if len(later) else None)


def _high(results: Results) -> float:
    return HIGH * _first(results)


def _first(results: Results) -> float:
    return float(results.collapse_betas[0])


def _verdict(results: Results, falls: list[Fall]) -> str:
    high, models = beta(_high(results)), sum(len(one.revivals) for one in falls if one.ever_high)
    collapsed, back = sum(one.collapsed for one in falls), sum(len(one.back) for one in falls)
    used = np.logical_or.reduce([one.used for one in falls])
    seeds = over(results, used)
    if not used.any():
        return f"There is no verdict: no model of a falling β gave a finite number ({named(results.seeds)})."
    if not models:
        return f"This run cannot tell: in no record of a model with finite numbers was β above {high} ({seeds})."
    if not collapsed:
        return (
            f"There was nothing to recover from: none of {models} models had a KL below {IN_USE_NATS:g} nats while β "
            f"was above {high} ({seeds})."
        )
    reading = "A reading: " if used.sum() == 1 else ""
    had = f"{collapsed} model{'' if collapsed == 1 else 's'} that had collapsed"
    if not back:
        return f"{reading or 'No: '}of {had}, none came back before training ended ({seeds})."
    yes = "Yes: " if back == collapsed else "Some do: "
    where = "; ".join(f"{one.arm.name} {_where(one)}" for one in falls if one.back)
    return f"{reading or yes}{back} of {had} came back ({seeds}): {where}."


def _told(results: Results, one: Fall) -> str:
    """A schedule in a sentence."""
    if not one.used.any():
        return no_verdict(results, one.arm)
    models, name, high = len(one.revivals), one.arm.name, beta(_high(results))
    seeds = over(results, one.used)
    if not one.ever_high:
        return f"{name}: β was never above {high} throughout a record of {one.steps_apart} steps ({seeds})."
    collapsed = f"{name}: {one.collapsed} of {models} models had collapsed while β was above {high} ({seeds})"
    if not one.collapsed:
        return f"{collapsed}."
    if not one.back:
        return f"{collapsed}; none of them came back."
    return f"{collapsed}; {len(one.back)} of them came back, {_where(one)}{_how_well(results, one)}."


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
