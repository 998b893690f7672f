"""The numbers that scores are set by, checked at the door: one sentence names the argument of what is none.

Whole ones are checked by `pyvae.ops.arguments.whole`.
"""

import math
from typing import Any

from pyvae.ops.arguments import is_number, traced_number


def positive(name: str, value: Any) -> float:
    """A number of Python or numpy as a float.

    Raises:
        TypeError: for anything else.
        ValueError: for one that is not greater than 0, a NaN among them.
    """
    number = _number(name, value)
    if not number > 0:
        raise ValueError(f"{name} must be greater than 0, got {number:g}.")
    return number


def share(name: str, value: Any) -> float:
    """The same of a number from 0 to 1."""
    number = _number(name, value)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must be from 0 to 1, got {number:g}.")
    return number


def _number(name: str, value: Any) -> float:
    value = traced_number(value)
    if not is_number(value):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}.")
    try:
        return float(value)
    except OverflowError:  # a whole number that is too large for a float
        return math.inf if value > 0 else -math.inf
