"""Settings as data: what each is called, what it may be, its default and what it is for.

A config is a frozen dataclass of parts, each a `Part`; all settings of all parts share one flat list of names, which is
how the command line and config files spell them. Text, JSON, help and refusals are read off the same specifications.
Every refusal is a ValueError of one sentence that names the setting and says what was expected.
"""

import dataclasses
import difflib
import json
import math
import numbers
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Self, Union, get_args, get_origin

NONE = "none"
"""How text spells None."""


class Kind(NamedTuple):
    """What values a type takes: in words, from text, and of which Python types its items are."""

    expected: str
    parse: Callable[[str], Any]
    items: type
    listed: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Bounds:
    """The values that a number, or every number of a list, may take; `unique` lists name no value twice."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    unique: bool = False

    def words(self) -> str:
        """The bounds in words; empty where there are none."""
        if self.at_least is not None and self.at_most is not None:
            return f"between {self.at_least:g} and {self.at_most:g}"
        words = {"at least": self.at_least, "greater than": self.above, "at most": self.at_most}
        return ", ".join(f"{word} {bound:g}" for word, bound in words.items() if bound is not None)

    def check(self, name: str, value: float, otherwise: str) -> None:
        """ValueError for a value out of bounds; `otherwise` is what else the setting may be, such as " or none"."""
        if self.above is not None and not value > self.above:
            raise ValueError(f"{name} must be greater than {self.above:g}{otherwise}, got {_as_typed(value)}")
        if self.at_least is not None and self.at_most is not None and not self.at_least <= value <= self.at_most:
            raise ValueError(f"{name} must lie between {self.at_least:g} and {self.at_most:g}, got {_as_typed(value)}")
        if self.at_least is not None and not value >= self.at_least:
            raise ValueError(f"{name} must be at least {self.at_least:g}{otherwise}, got {_as_typed(value)}")
        if self.at_most is not None and not value <= self.at_most:
            raise ValueError(f"{name} must be at most {self.at_most:g}{otherwise}, got {_as_typed(value)}")


@dataclass(frozen=True)
class Spec:
    """One setting. `annotation` is int, float, str, a Literal of words, one of these or None, or a tuple of numbers."""

    name: str
    annotation: Any
    default: Any
    help: str = ""
    bounds: Bounds = dataclasses.field(default_factory=Bounds)

    @property
    def kind(self) -> Kind:
        """What its annotation takes."""
        return _kind(self.annotation)

    @property
    def expected(self) -> str:
        """What it may be, in words, such as "a whole number, at least 1"."""
        return ", ".join(filter(None, (self.kind.expected, self.bounds.words())))

    def parsed(self, text: str) -> Any:
        """The value that a text such as "200", "1,2.5" or "none" spells, checked."""
        text = text.strip()
        try:
            value = self.kind.parse(text)
        except ValueError:
            raise ValueError(f"{self.name} must be {self.kind.expected}, got {text!r}") from None
        return self.checked(value)

    def checked(self, value: Any) -> Any:
        """`value`, a list as a tuple and numpy's numbers as Python's; ValueError if the setting cannot take it."""
        kind = self.kind
        if value is None and kind.optional:
            return None
        if not kind.listed:
            return self._item(value)
        if not isinstance(value, list | tuple) or not value:
            raise ValueError(f"{self.name} must be a list of at least one number, got {value!r}")
        items = tuple(self._item(item) for item in value)
        if self.bounds.unique and len(set(items)) != len(items):
            raise ValueError(f"{self.name} must not name a value twice, got {', '.join(map(_as_typed, items))}")
        return items

    def _item(self, item: Any) -> Any:
        kind = self.kind
        takes = {int: numbers.Integral, float: numbers.Real}.get(kind.items, kind.items)
        choices = get_args(self.annotation) if get_origin(self.annotation) is Literal else None
        if not isinstance(item, takes) or isinstance(item, bool) or (choices and item not in choices):
            raise ValueError(f"{self.name} must be {kind.expected}, got {item!r}")
        if not isinstance(item, numbers.Real):
            return item
        number = int(item) if isinstance(item, numbers.Integral) else float(item)
        if isinstance(number, int) and not -(2**63) <= number < 2**63:
            raise ValueError(f"{self.name} must fit in 64 bits, signed, got {number}")
        if not math.isfinite(number):
            raise ValueError(f"{self.name} must be finite, got {item!r}")
        self.bounds.check(self.name, number, f" or {NONE}" if kind.optional else "")
        return number

    def shown(self, value: Any) -> str:
        """`value` as `parsed` takes it."""
        if isinstance(value, tuple):
            return ",".join(map(str, value))
        return NONE if value is None else str(value)


def setting(
    default: Any,
    help: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    unique: bool = False,
) -> Any:
    """A field of a `Part`: its default, what it is for, and its bounds."""
    bounds = Bounds(at_least, above, at_most, unique)
    return dataclasses.field(default=default, metadata={"help": help, "bounds": bounds})


@dataclass(frozen=True)
class Part:
    """Settings that belong together; subclasses are frozen dataclasses whose fields are `setting`s."""

    def __post_init__(self) -> None:
        for name, spec in self.specs().items():
            object.__setattr__(self, name, spec.checked(getattr(self, name)))

    def specs(self) -> dict[str, Spec]:
        """Every setting by its name, in order."""
        return {
            field.name: Spec(field.name, field.type, field.default, field.metadata["help"], field.metadata["bounds"])
            for field in dataclasses.fields(self)
        }

    def values(self) -> dict[str, Any]:
        """Every setting's value by its name."""
        return {name: getattr(self, name) for name in self.specs()}

    def changed(self, values: Mapping[str, Any]) -> Self:
        """The part with some of its settings changed."""
        return dataclasses.replace(self, **values)

    def why_not(self, name: str) -> str | None:
        """A sentence on why this part has no such setting, where there is more to say than that."""
        return None


@dataclass(frozen=True)
class Config:
    """Parts under one list of names. Subclasses are frozen dataclasses whose further fields are parts."""

    preset: str
    """Name of the settings it started from; only a label."""

    STUDY: ClassVar[str]
    """Whose config it is: files say so."""
    ALIASES: ClassVar[Mapping[str, str]] = {}
    """Other names that settings go by, on the command line and in files of earlier versions."""
    CHOICES: ClassVar[frozenset[str]] = frozenset()
    """Settings on which it depends what other settings there are."""

    def parts(self) -> dict[str, Part]:
        """Every part by its field."""
        fields = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {name: part for name, part in fields if isinstance(part, Part)}

    def specs(self) -> dict[str, Spec]:
        """Every setting by its flat name."""
        return {name: spec for part in self.parts().values() for name, spec in part.specs().items()}

    def values(self) -> dict[str, Any]:
        """The preset's name, and every setting's value by its flat name."""
        settings = (part.values() for part in self.parts().values())
        return {"preset": self.preset} | {name: value for values in settings for name, value in values.items()}

    def replaced(self, **values: Any) -> Self:
        """The config with settings changed, by their flat names or aliases."""
        preset = values.pop("preset", self.preset)
        return dataclasses.replace(self._with(values, Spec.checked), preset=preset)

    def overridden(self, overrides: Iterable[str]) -> Self:
        """`replaced` from texts such as "steps=200" or "betas=0.5,1,5"."""
        texts: dict[str, str] = {}
        for override in overrides:
            name, equals, text = override.partition("=")
            if not equals:
                raise ValueError(f"--set expects field=value, got {override!r}")
            texts[name.strip()] = text
        if "preset" in texts:
            raise ValueError("preset is not a field to set: start from another preset instead")
        return self._with(texts, Spec.parsed)

    def to_json(self) -> str:
        """The settings as indented JSON text with flat names, ending in a newline; `from_json` is the inverse."""
        return json.dumps({"study": self.STUDY, **self.values()}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Settings from `to_json`'s text; what it does not name takes its default, so that files of earlier versions
        stay readable.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"config must be a JSON object, got {type(values).__name__}")
        study = values.pop("study", cls.STUDY)
        if study != cls.STUDY:
            raise ValueError(f"config must be one of {cls.STUDY}, got one of {study}")
        preset = values.pop("preset", None)
        config = cls(str(preset)).replaced(**values)
        if not isinstance(preset, str):
            raise ValueError("config lacks the field 'preset'")
        return config

    def differing(self, other: "Config") -> list[str]:
        """Names of the settings in which two configs differ."""
        mine, theirs = self.values(), other.values()
        return [name for name in {**mine, **theirs} if mine.get(name, ...) != theirs.get(name, ...)]

    def _with(self, given: Mapping[str, Any], read: Callable[[Spec, Any], Any]) -> Self:
        choices = {name: value for name, value in given.items() if self.ALIASES.get(name, name) in self.CHOICES}
        others = {name: value for name, value in given.items() if name not in choices}
        return self._with_known(choices, read)._with_known(others, read)

    def _with_known(self, given: Mapping[str, Any], read: Callable[[Spec, Any], Any]) -> Self:
        specs, values = self.specs(), {}
        for typed, value in given.items():
            name = self.ALIASES.get(typed, typed)
            if name not in specs:
                raise ValueError(self._unknown(typed))
            if name in values:
                raise ValueError(f"{name} must not be set twice, got it as {typed} as well")
            values[name] = read(dataclasses.replace(specs[name], name=typed), value)
        changed: dict[str, Any] = {}
        for field, part in self.parts().items():
            own = {name: values[name] for name in part.specs() if name in values}
            if own:
                changed[field] = part.changed(own)
        return dataclasses.replace(self, **changed)

    def _unknown(self, name: str) -> str:
        for part in self.parts().values():
            if reason := part.why_not(name):
                return reason
        known = ["preset", *self.specs(), *self.ALIASES]
        near = difflib.get_close_matches(name, known, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"expected one of {', '.join(known)}"
        return f"unknown field {name!r}: {hint}"


def _as_typed(value: Any) -> str:
    """A value as it is usually typed: 1 of the number 1.0."""
    return str(value).removesuffix(".0")


def _kind(annotation: Any) -> Kind:
    if get_origin(annotation) in (Union, types.UnionType):
        (inner,) = (part for part in get_args(annotation) if part is not type(None))
        of = _kind(inner)
        return Kind(
            f"{of.expected} or {NONE}", lambda t: None if t.lower() == NONE else of.parse(t), of.items, False, True
        )
    if get_origin(annotation) is Literal:
        words = get_args(annotation)
        return Kind(f"{', '.join(words[:-1])} or {words[-1]}", str, str)
    if get_origin(annotation) is tuple:
        one = _kind(get_args(annotation)[0])
        plural = one.expected.split()[-1] + "s"
        whole = "whole " if one.items is int else ""
        return Kind(
            f"{whole}{plural} separated by commas", lambda t: tuple(map(one.parse, t.split(","))), one.items, True
        )
    return _KINDS[annotation]


_KINDS = {
    int: Kind("a whole number", lambda text: int(text.replace("_", "")), int),
    float: Kind("a number", float, float),
    str: Kind("text", str, str),
}
