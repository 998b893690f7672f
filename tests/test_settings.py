"""Settings as data, on a config of two parts made up here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import pytest

from pyvae.settings import Config, Part, setting


@dataclass(frozen=True)
class Oven(Part):
    heat: float = setting(180.0, "Degrees.", above=0, at_most=300)
    fan: Literal["off", "low", "high"] = setting("off", "Speed.")


@dataclass(frozen=True)
class Bread(Part):
    loaves: int = setting(1, "How many.", at_least=1)
    shares: tuple[float, ...] = setting((0.5, 0.5), "Of two flours.", at_least=0, at_most=1)
    tins: tuple[int, ...] = setting((1,), "Which ones.", unique=True)
    rest: int | None = setting(None, "Minutes.", at_least=1)
    name: str = setting("rye", "On the label.")


@dataclass(frozen=True)
class Baking(Config):
    STUDY: ClassVar[str] = "baking"
    ALIASES: ClassVar[Mapping[str, str]] = {"temperature": "heat"}
    oven: Oven = field(default_factory=Oven)
    bread: Bread = field(default_factory=Bread)


PLAIN = Baking("plain")


def test_all_settings_share_one_list_of_names() -> None:
    assert list(PLAIN.values()) == ["preset", "heat", "fan", "loaves", "shares", "tins", "rest", "name"]
    changed = PLAIN.overridden(["temperature=200", "loaves=1_0", "shares=0, 1", "rest=30", "fan=low"])
    assert (changed.oven.heat, changed.bread.loaves, changed.bread.shares) == (200.0, 10, (0.0, 1.0))
    assert changed.differing(PLAIN) == ["heat", "fan", "loaves", "shares", "rest"]
    assert PLAIN.oven.heat == 180 and changed.overridden(["rest=none"]).bread.rest is None


def test_text_of_a_value_parses_to_it() -> None:
    changed = PLAIN.overridden(["rest=5", "tins=3,4"])
    for config in (PLAIN, changed):
        specs, values = config.specs(), config.values()
        for name, spec in specs.items():
            assert spec.parsed(spec.shown(values[name])) == values[name]


def test_json_goes_both_ways_and_takes_defaults_and_aliases() -> None:
    changed = PLAIN.overridden(["tins=3,4"])
    assert Baking.from_json(changed.to_json()) == changed
    assert Baking.from_json('{"preset": "plain", "temperature": 90}') == PLAIN.replaced(heat=90)


def test_numbers_of_numpy_are_numbers() -> None:
    changed = PLAIN.replaced(loaves=np.int64(3), heat=np.float32(90), tins=[np.int32(7)])
    assert changed == PLAIN.overridden(["loaves=3", "heat=90", "tins=7"])
    assert "int64" not in changed.to_json() and type(changed.bread.loaves) is int


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("heat=hot", "heat must be a number, got 'hot'"),
        ("temperature=hot", "temperature must be a number, got 'hot'"),
        ("heat=0", "heat must be greater than 0, got 0"),
        ("heat=301", "heat must be at most 300, got 301"),
        ("heat=inf", "heat must be finite, got inf"),
        ("fan=full", "fan must be off, low or high, got 'full'"),
        ("loaves=1.5", "loaves must be a whole number, got '1.5'"),
        ("rest=soon", "rest must be a whole number or none, got 'soon'"),
        ("shares=2,1", "shares must lie between 0 and 1, got 2"),
        ("tins=1,1", "tins must not name a value twice, got 1, 1"),
        ("tins=", "tins must be whole numbers separated by commas, got ''"),
        ("loafs=3", "unknown field 'loafs': did you mean loaves?"),
        (
            "xyz=3",
            "unknown field 'xyz': expected one of preset, heat, fan, loaves, shares, tins, rest, name, temperature",
        ),
        ("preset=x", "preset is not a field to set"),
        ("heat", "--set expects field=value, got 'heat'"),
        ("loaves=1" + "0" * 400, "loaves must fit in 64 bits, signed, got 1000"),
    ],
)
def test_wrong_text_is_one_sentence(override, sentence) -> None:
    with pytest.raises(ValueError) as caught:
        PLAIN.overridden([override])
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("3", "config must be a JSON object, got int"),
        ("{}", "config lacks the field 'preset'"),
        ('{"preset": "x", "study": "cakes"}', "config must be one of baking, got one of cakes"),
        ('{"preset": "x", "loaves": true}', "loaves must be a whole number, got True"),
        ('{"preset": "x", "tins": 3}', "tins must be a list of at least one number, got 3"),
        ('{"preset": "x", "tins": []}', "tins must be a list of at least one number, got []"),
    ],
)
def test_wrong_json_is_one_sentence(text, sentence) -> None:
    with pytest.raises(ValueError) as caught:
        Baking.from_json(text)
    assert str(caught.value) == sentence


def test_a_setting_is_set_once() -> None:
    with pytest.raises(ValueError, match="heat must not be set twice, got it as temperature as well"):
        PLAIN.overridden(["heat=90", "temperature=91"])


def test_what_a_setting_may_be_is_told_in_words() -> None:
    specs = PLAIN.specs()
    assert specs["loaves"].expected == "a whole number, at least 1"
    assert specs["heat"].expected == "a number, greater than 0, at most 300"
    assert specs["shares"].expected == "numbers separated by commas, between 0 and 1"
    assert specs["fan"].expected == "off, low or high"


def test_the_label_can_be_changed() -> None:
    assert PLAIN.replaced(preset="mine", heat=90.0).values()["preset"] == "mine"
