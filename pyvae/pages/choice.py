"""Which models of a run a page shows: those that were asked for, or a few that stand for all."""

from collections.abc import Sequence

from pyvae.pages.run import Member, Run
from pyvae.studies import StudyError

SEED, GROUP = "seed", "group"


def chosen(run: Run, filters: Sequence[str], at_most: int) -> list[Member]:
    """The members that filters let through, NAME=VALUE[,VALUE…] each, all of which a model has to meet.

    NAME is one of the run's axes as its tables call them (`mu`, `beta`), `bias`, `strength`, `seed` or `group`. Without
    a filter they are those of the first seed and the bias nearest to 0, evenly apart: `at_most` in all, or one of each
    group where there are more of these.

    Raises StudyError for a filter of another form, a name or a value that the run has not, and where nothing is left.
    """
    if not filters:
        return _standing_for_all(run, at_most)
    kept = list(run.members)
    for text in filters:
        kept = _filtered(run, kept, text)
    if not kept:
        raise StudyError(f"models must be some of {run.where}, and none is of {' and '.join(filters)}")
    return kept


def _filtered(run: Run, members: list[Member], text: str) -> list[Member]:
    name, equals, values = text.partition("=")
    if not equals or not values:
        raise StudyError(f"models must be NAME=VALUE[,VALUE…], such as seed=0,1, got {text!r}")
    wanted = [_number(name, value) for value in values.split(",")]
    _check_known(run, name.strip(), wanted)
    return [member for member in members if _fields(member).get(name.strip()) in wanted]


def _check_known(run: Run, name: str, wanted: list[float | str]) -> None:
    held: dict[str, list[float | str]] = {}
    for member in run.members:
        for field, value in _fields(member).items():
            held.setdefault(field, []).append(value)
    if name not in held:
        raise StudyError(f"models must be chosen by {', '.join(held)}, got {name!r}")
    if missing := [value for value in wanted if value not in held[name]]:
        has = ", ".join(_shown(value) for value in dict.fromkeys(held[name]))
        raise StudyError(f"{name} must be among those of {run.where}, {has}, got {_shown(missing[0])}")


def _fields(member: Member) -> dict[str, float | str]:
    cell, (bias, strength) = member.cell, member.recipe.axes
    own = {bias: cell.bias, strength: cell.strength, SEED: float(cell.seed)}
    named = {GROUP: member.group} if member.group else {}
    return {**own, **named, "bias": cell.bias, "strength": cell.strength}


def _number(name: str, text: str) -> float | str:
    if name.strip() == GROUP:
        return text.strip()
    try:
        return float(text)
    except ValueError:
        raise StudyError(f"{name.strip()} must be numbers separated by commas, got {text!r}") from None


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _standing_for_all(run: Run, at_most: int) -> list[Member]:
    """Of the groups whose images have the shape of the first one's."""
    alike = [member for member in run.members if member.data.shape == run.members[0].data.shape]
    groups = list(dict.fromkeys(member.group for member in alike))
    found = []
    for group in groups:
        members = [member for member in alike if member.group == group]
        first = [member for member in members if member.cell.seed == members[0].cell.seed]
        least = min((member.cell.bias for member in first), key=abs)
        found += _spread([member for member in first if member.cell.bias == least], max(1, at_most // len(groups)))
    return found


def _spread(members: list[Member], at_most: int) -> list[Member]:
    if len(members) <= at_most:
        return members
    last = len(members) - 1
    return [members[round(k * last / max(1, at_most - 1))] for k in range(at_most)]
