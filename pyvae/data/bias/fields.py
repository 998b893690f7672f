"""What the fields of changes may be: each as it is kept, or one sentence."""

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any


def name_of(field: str, value: Any) -> str:
    """The name of a factor. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{field} must be the name of a factor, got {value!r}")
    return value


def number_of(field: str, value: Any) -> float:
    """A finite number. Raises TypeError and ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{field} must be a number, got {value!r}{_yaml_hint(value)}")
    if not math.isfinite(value):
        raise ValueError(f"{field} must be finite, got {value}")
    return float(value)


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
    given = list(values) if isinstance(values, Iterable) and not isinstance(values, (str, Mapping)) else [values]
    listed = [int(value) for value in given if isinstance(value, Integral) and not isinstance(value, bool)]
    if not isinstance(values, Iterable) or len(listed) < len(given):
        raise TypeError(f"remove must list whole numbers for {name}, got {values!r}")
    if min(listed, default=-1) < 0:
        raise ValueError(f"remove must list values from 0 for {name}, got {listed}")
    return tuple(sorted(set(listed)))


def set_fields(change: object, **values: Any) -> None:
    """Of a frozen dataclass, while it is made."""
    for name, value in values.items():
        object.__setattr__(change, name, value)


def plain_of(value: Any) -> Any:
    """A field as text formats have it."""
    return list(value) if isinstance(value, tuple) else value
