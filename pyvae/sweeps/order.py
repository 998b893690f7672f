"""What a worker is to do for a shard, as a file in the shard's folder: nothing else has to reach it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyvae.files import atomic_write_text
from pyvae.settings import Config
from pyvae.studies import study_named
from pyvae.studies.study import Study
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import ORDER
from pyvae.training.choice import Ways


@dataclass(frozen=True)
class Order:
    """One run of a study, whose models belong to cells."""

    study: Study[Any]
    config: Config
    cells: Mapping[str, Mapping[str, float]]
    """For each cell's id what its models have in which columns of the study's table: {"beta": 4.0, "seed": 1}."""
    ways: Ways
    """What measurements chose when the sweep was begun, so that all workers choose alike."""
    data: Mapping[str, str]
    """What the sweep's data files were when it was begun, by their paths."""

    def write(self, shard: Path) -> None:
        """Leaves the order in a shard's folder."""
        held = {
            "config": json.loads(self.config.to_json()),
            "cells": self.cells,
            "ways": self.ways._asdict(),
            "data": self.data,
        }
        atomic_write_text(shard / ORDER, json.dumps(held, indent=1) + "\n")

    @classmethod
    def read(cls, shard: Path) -> "Order":
        """The order in a shard's folder; SweepError where there is none that can be read."""
        try:
            held = json.loads((shard / ORDER).read_text())
            study = study_named(held["config"]["study"])
            config = study.config.from_json(json.dumps(held["config"]))
            return cls(study, config, held["cells"], Ways(**held["ways"]), held["data"])
        except (FileNotFoundError, ValueError, KeyError, TypeError) as problem:  # others are the machine's
            raise SweepError(f"{shard / ORDER} must hold a shard's order, but cannot be read: {problem}") from None
