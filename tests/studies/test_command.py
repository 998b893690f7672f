"""A config as the command line that gives it."""

import shlex

from pyvae.studies.biased_grid.config import PRESETS
from pyvae.studies.command import command_of


def test_a_command_names_the_preset_and_what_differs_from_it() -> None:
    changed = PRESETS["long"].replaced(steps=7, patience=None)
    words = shlex.split(command_of(changed, PRESETS, "runs/mine"))
    assert words[:7] == ["pyvae", "study", "biased-grid", "--preset", "long", "--out", "runs/mine"]
    assert words[7:] == ["--set", "steps=7", "--set", "patience=none"]


def test_a_config_of_no_preset_starts_from_the_first() -> None:
    settings = command_of(PRESETS["quick"].replaced(preset="mine", steps=7), PRESETS)
    assert settings == "pyvae study biased-grid --preset quick --out DIR --set steps=7"
