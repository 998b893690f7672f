"""Cells of a sweep, what each is called, and the configs that train some of them together."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyvae.settings import Config
from pyvae.studies import Study

ID_DIGITS = 12
"""Hexadecimal digits of an id."""


@dataclass(frozen=True)
class Cell:
    """One assignment of values to a sweep's axes."""

    id: str
    values: Mapping[str, Any]
    """By field, as the cell's config has them; one value of a stacked field, not a list. A field of another objective
    than the cell's is left out.
    """


def id_of(differences: Mapping[str, Any]) -> str:
    """The id of the cell that differs from the base config so: the same in every process and version of Python."""
    text = json.dumps(differences, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]


@dataclass(frozen=True)
class Plan:
    """All cells of a sweep."""

    study: Study[Any]
    base: Config
    """The settings of every cell, but for the fields of the axes."""
    cells: tuple[Cell, ...]
    """In the order of the axes; no two have the same id."""
    fields: tuple[str, ...]
    """Of the axes, in order, by the names that configs have for them."""

    def stacked(self) -> Mapping[str, str]:
        """The axes' fields whose values the study trains in one stack, with the column of its table that has them.

        The column is that of the base config's objective: of a cell's own, `study.stacks(config)` has it.
        """
        columns = self.study.stacks(self.base)
        return {field: columns[field] for field in self.fields if field in columns}

    def listed(self, cells: Sequence[Cell]) -> dict[str, tuple[Any, ...]]:
        """Of each stacked field the values of these cells, ascending.

        Raises ValueError unless they are alike in all other fields and have every combination of these values once.
        """
        stacked = self.stacked()
        listed = {field: tuple(sorted({cell.values[field] for cell in cells})) for field in stacked}
        combinations = {tuple(cell.values[field] for field in stacked) for cell in cells}
        alike = len({settled(cell, stacked) for cell in cells}) == 1
        if not alike or not len(cells) == len(combinations) == math.prod(map(len, listed.values())):
            ids = ", ".join(cell.id for cell in cells[:3])
            raise ValueError(f"cells must be alike but for the product of their stacked values, got {ids}, ...")
        return listed

    def config_of(self, cells: Sequence[Cell]) -> Config:
        """The config of one run that trains these cells, and no others; ValueError as for `listed`."""
        listed = self.listed(cells)
        values = cells[0].values
        chosen = self.base.replaced(**{name: values[name] for name in values if name in self.base.CHOICES})
        held = chosen.values()
        # What a cell has in common with its base is not set: a setting may change others when it is.
        own = {name: value for name, value in values.items() if name not in listed and held[name] != value}
        return chosen.replaced(**own, **listed)


def settled(cell: Cell, stacked: Mapping[str, str]) -> tuple[tuple[str, Any], ...]:
    """What of a cell no stack can vary: every field with its value, but for the stacked ones."""
    return tuple((name, value) for name, value in cell.values.items() if name not in stacked)
