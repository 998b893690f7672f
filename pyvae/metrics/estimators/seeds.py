"""The seed of a score."""

from typing import Any

from pyvae.ops import seeds


def check_seed(seed: Any) -> int:
    """A seed of Python or numpy as an int.

    Raises:
        TypeError: for a seed that is no integer.
        ValueError: for one below 0, which numpy's generators do not take, or beyond int64.
    """
    number = seeds.check_seed(seed)
    if number < 0:
        raise ValueError(f"seed must be at least 0, got {number}.")
    return number
