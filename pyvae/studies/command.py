"""The command line that runs a study with the settings of a config."""

import shlex
from collections.abc import Mapping
from typing import TypeVar

from pyvae.settings import Config

C = TypeVar("C", bound=Config)


def command_of(config: C, presets: Mapping[str, C], out: str = "DIR") -> str:
    """What gives this config again: its preset, or the first one where it is of none, and what differs from it."""
    base = presets.get(config.preset, next(iter(presets.values())))
    parts = ["pyvae", "study", config.STUDY, "--preset", base.preset, "--out", out]
    values, specs = config.values(), config.specs()
    chosen = [name for name in config.differing(base) if name in config.CHOICES]
    # An objective brings settings of its own: they are named only where they differ from its defaults.
    base = base.replaced(**{name: values[name] for name in chosen})
    for name in (*chosen, *config.differing(base)):
        if name in specs:
            parts += ["--set", f"{name}={specs[name].shown(values[name])}"]
    return shlex.join(parts)
