"""Values as a sweep's file has them, read by the settings of a config, and set in many copies of it."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, get_args

from pyvae.settings import Config, Spec
from pyvae.sweeps.planning.draws import Draw


def configured(config: Config, given: Mapping[str, Any]) -> Config:
    """`config.replaced` of values as a sweep's file has them: texts may spell numbers. Names may be aliases.

    Raises ValueError of one sentence for what the config cannot take.
    """
    if "preset" in given:
        raise ValueError("preset must be set beside set and axes, where a sweep's file names its study")
    choices = {name: value for name, value in given.items() if config.ALIASES.get(name, name) in config.CHOICES}
    others = {name: value for name, value in given.items() if name not in choices}
    for values in (choices, others):  # choices first: they say which other settings there are
        config = config.replaced(**_read_all(config, values))
    return config


def _read_all(config: Config, given: Mapping[str, Any]) -> dict[str, Any]:
    specs = config.specs()
    known = {name: specs.get(config.ALIASES.get(name, name)) for name in given}  # `replaced` refuses what is not
    return {
        name: value if (spec := known[name]) is None else read(dataclasses.replace(spec, name=name), value)
        for name, value in given.items()
    }


def read(spec: Spec, value: Any) -> Any:
    """A setting's value: of text what it spells, of a drawn number a whole one where the setting takes no others, of a
    number alone a list of it where the setting is a list, as on a command line, and of names in a list their text
    where the setting is one.
    """
    if isinstance(value, Draw):
        value = value.value(whole=spec.kind.items is int)
    if spec.kind.listed and isinstance(value, int | float):
        value = [value]
    if spec.kind.items is str and isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        value = ",".join(value)
    return _typed(spec, spec.parsed(value) if isinstance(value, str) else spec.checked(value))


def _typed(spec: Spec, value: Any) -> Any:
    """1 as 1.0 where any number may be, and -0.0 as 0.0, so that equal values are spelled alike."""
    if spec.kind.items is not float or value is None:
        return value
    return tuple(item + 0.0 for item in value) if isinstance(value, tuple) else value + 0.0


class Chosen:
    """A base config with all that is chosen, such as the objective, of which cells differ in other settings."""

    def __init__(self, config: Config, stacked: frozenset[str]) -> None:
        self.config = config
        specs = config.specs()
        self.values = {name: _typed(specs[name], value) for name, value in config.values().items() if name in specs}
        self._specs = {name: _of_one(spec) if name in stacked else spec for name, spec in specs.items()}
        self._parts = {name: field for field, part in config.parts().items() for name in part.specs()}
        self._known: dict[tuple[str, str], Any] = {}

    def has(self, name: str) -> bool:
        """Whether there is such a setting, of this objective."""
        return name in self._specs

    def read(self, name: str, value: Any) -> Any:
        """The value of an axis in a cell: of a stacked setting one number."""
        key = (name, repr(value))  # values may be lists, which no dict takes
        if key not in self._known:
            self._known[key] = read(self._specs[name], value)
        return self._known[key]

    def changed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All settings in which the config differs once these are changed; ValueError where it cannot be so.

        `config.replaced` would make the same config in ten times as long: for thousands of cells it matters that only
        those parts are looked at that change.
        """
        own: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            own.setdefault(self._parts[name], {})[name] = value
        parts = {field: getattr(self.config, field).changed(settings) for field, settings in own.items()}
        dataclasses.replace(self.config, **parts)  # which checks the parts together
        found = {name: value for part in parts.values() for name, value in part.values().items()}
        return {name: value for name, value in found.items() if value != self.values[name]}


@functools.cache
def _of_one(spec: Spec) -> Spec:
    """The setting that takes one value of a list."""
    return dataclasses.replace(spec, annotation=get_args(spec.annotation)[0]) if spec.kind.listed else spec
