"""Public names that have moved: for one release they warn, and give what took their place."""

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def warn_of(old: str, new: str) -> None:
    """Says once for each calling line that `old` will go, and what to write in its place."""
    message = f"{old} will be removed in pyvae 0.2: use {new} instead."
    warnings.warn(message, FutureWarning, stacklevel=3)


def moved(module: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` that finds each name of `places` in the module that it moved to."""

    def find(name: str) -> Any:
        place = places.get(name)
        if place is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_of(f"{module}.{name}", f"{place}.{name}")
        return getattr(importlib.import_module(place), name)

    return find
