"""What may change between two starts of a sweep: there may be more of it, and nothing that was may be another."""

from collections.abc import Iterator, Mapping
from typing import Any

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning.cells import Plan
from pyvae.sweeps.planning.given import shown

MOST_TOLD = 5
"""Values, or changes, in one sentence."""


def check_growth(was: Plan, will: Plan) -> None:
    """Raises SweepError, which says what changed, unless every cell that was is still there, trained as it was.

    More cells may be there, by more values, fields, draws or blocks, and in all of them more steps, and more values of
    the lists that the study lets grow.
    """
    begun = {"study": (was.study.name, will.study.name), "preset": (was.base.preset, will.base.preset)}
    for name, (before, now) in begun.items():
        if before != now:
            raise _only_grows([f"{name} was {before} and is now {now}"])
    if changes := _changes_of_base(was, will) or _lost(was, will):
        raise _only_grows(changes)


def _only_grows(changes: list[str]) -> SweepError:
    more = f" and {len(changes) - MOST_TOLD} other changes" if len(changes) > MOST_TOLD else ""
    told = "; ".join(changes[:MOST_TOLD]) + more
    return SweepError(f"a sweep can only grow, but {told}: put it back as it was, or choose another folder")


def _changes_of_base(was: Plan, will: Plan) -> list[str]:
    """What changed in the base config, but for what only grew."""
    differing = was.base.differing(will.base)
    chosen = [name for name in differing if name in was.base.CHOICES]
    before, now = was.base.values(), will.base.values()
    changes = []
    for name in chosen or differing:  # another objective has other settings: these need not be told
        old: Any = before.get(name)
        new: Any = now.get(name)
        values = f"was {shown(old)} and is now {shown(new)}"
        if name in was.fields or name in will.fields:
            changes.append(f"{name} of the base config, by which cells are told apart, {values}")
        elif name in was.study.grows:
            lost = [value for value in before[name] if value not in now[name]]
            changes += [f"{name} of every cell has lost {_some(lost)}"] if lost else []
        elif name != "steps" or new < old:
            changes.append(f"{name} of every cell {values}")
    return changes


def _lost(was: Plan, will: Plan) -> list[str]:
    """Values of fields that no cell has any more; where there are none, cells that are gone."""
    kept = {cell.id for cell in will.cells}
    lost = [cell for cell in was.cells if cell.id not in kept]
    if not lost:
        return []
    if told := [*_lost_values(was, will)]:
        return told
    values = ", ".join(f"{name}={shown(value)}" for name, value in lost[0].values.items())
    return [f"axes have lost the cell {values}" + (f" and {len(lost) - 1} more" if len(lost) > 1 else "")]


def _lost_values(was: Plan, will: Plan) -> Iterator[str]:
    for name in dict.fromkeys((*was.fields, *will.fields)):
        before, now = _values(was, name), _values(will, name)
        if gone := [value for value in before if value not in now]:
            yield f"{name} has lost {_some(gone)}"
        elif name not in was.fields and len(before) > 1:
            yield f"{name} is an axis now, and every cell had all of {_some([*before])}"


def _values(plan: Plan, name: str) -> Mapping[Any, None]:
    """All values that cells have of a field, in order: of what is no axis the base config's, of a stack each."""
    if name in plan.fields:
        return dict.fromkeys(cell.values[name] for cell in plan.cells if name in cell.values)
    held = plan.base.values()
    if name not in held:
        return {}
    return dict.fromkeys(held[name] if name in plan.study.stacks(plan.base) else [held[name]])


def _some(values: list[Any]) -> str:
    more = f" and {len(values) - MOST_TOLD} more" if len(values) > MOST_TOLD else ""
    return ", ".join(map(shown, values[:MOST_TOLD])) + more
