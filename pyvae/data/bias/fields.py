"""What the fields of changes may be: each as it is kept, or one sentence."""

from typing import Any

from pyvae.data.arguments import finite_number, items_of, shown
from pyvae.ops.arguments import is_whole


def name_of(field: str, value: Any) -> str:
    """The name of a factor. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{field} must be the name of a factor, got {value!r}")
    return value


def number_of(field: str, value: Any) -> float:
    """A finite number. Raises TypeError and ValueError for anything else."""
    return finite_number(field, value, _yaml_hint(value))


def _yaml_hint(value: Any) -> str:
    """YAML 1.1 takes a number with an exponent for text unless it has a point and a sign, as 1.0e+3."""
    try:
        number = repr(float(value)) if isinstance(value, str) else ""
    except ValueError:
        return ""
    if "e" in number and "." not in number:
        number = number.replace("e", ".0e")
    return f", a text: YAML takes {value} for one, write {number}" if number else ""


def values_of(name: str, values: Any) -> tuple[int, ...]:
    """Whole numbers, sorted, each once, so that equal changes are equal. Raises TypeError and ValueError for others."""
    found = items_of(values)
    if found is None or not all(map(is_whole, found)):
        raise TypeError(f"remove must list whole numbers for {name}, got {shown(values)}")
    if min(found, default=-1) < 0:
        raise ValueError(f"remove must list values from 0 for {name}, got {found}")
    return tuple(sorted(set(map(int, found))))


def set_fields(change: object, **values: Any) -> None:
    """Of a frozen dataclass, while it is made."""
    for name, value in values.items():
        object.__setattr__(change, name, value)


def plain_of(value: Any) -> Any:
    """A field as text formats have it."""
    return list(value) if isinstance(value, tuple) else value
