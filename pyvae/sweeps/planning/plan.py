"""From what a sweep's file says to its cells: every value read, every distinct config made once, each cell its id."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pyvae.settings import Config
from pyvae.studies import Study
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning.axes import Row, expand
from pyvae.sweeps.planning.cells import Cell, Plan, id_of
from pyvae.sweeps.planning.chosen import Chosen, configured
from pyvae.sweeps.planning.config import Best, SweepConfig
from pyvae.sweeps.planning.given import shown

__all__ = ["Best", "Cell", "Plan", "SweepConfig", "plan_of"]


def plan_of(config: SweepConfig) -> Plan:
    """All cells of a sweep. What two assignments set alike is one cell, in the place of the first. What `set` sets and
    an axis as well is the axis's; cells in which both agree are those of a sweep without the axis, so that it can grow.

    Raises SweepError with one sentence for what no run of the study could take: unknown fields, values out of bounds,
    and settings of a cell that contradict each other. Data are not opened.
    """
    study = config.found()
    try:
        base = configured(study.preset(config.preset), config.settings)
        return _planned(study, base, config)
    except SweepError:
        raise
    except ValueError as problem:
        raise SweepError(str(problem)) from None


def _planned(study: Study[Any], base: Config, config: SweepConfig) -> Plan:
    rows = _canonical(expand(config.axes), base.ALIASES)
    fields = tuple(dict.fromkeys(name for row in rows for name in row))
    if "preset" in fields:
        raise SweepError("preset must be the same in all cells, got it as an axis")
    planner = _Planner(study, base, fields)
    cells: dict[str, Cell] = {}
    for cell in map(planner.cell, rows):
        known = cells.setdefault(cell.id, cell)
        if known.values != cell.values:
            raise SweepError(f"axes must not have two cells whose digests are the same, got {cell.id}: change a value")
    return Plan(study, base, tuple(cells.values()), fields)


def _canonical(rows: list[Row], aliases: Mapping[str, str]) -> list[Row]:
    """Rows by the names that configs have for fields."""
    names = {name: aliases.get(name, name) for row in rows for name in row}
    if all(name == own for name, own in names.items()):
        return rows
    for row in rows:
        own = [names[name] for name in row]
        for name in row:
            if own.count(names[name]) > 1:
                raise SweepError(f"{names[name]} must be one axis, got it as {name} as well")
    return [{names[name]: value for name, value in row.items()} for row in rows]


class _Settled(NamedTuple):
    """What cells have in common that differ in stacked fields only."""

    chosen: Chosen
    values: dict[str, Any]
    """Of the axes' fields."""
    differences: dict[str, Any]
    """From the base config."""


class _Planner:
    """Makes cells, and of all that is costly, configs above all, each but once."""

    def __init__(self, study: Study[Any], base: Config, fields: tuple[str, ...]) -> None:
        self._base, self._fields = base, fields
        self._stacked = frozenset(study.stacks(base)) & {*fields}
        self._choices = base.CHOICES & {*fields}
        self._held = base.values()
        self._chosen: dict[str, Chosen] = {}
        self._settled: dict[str, _Settled] = {}

    def cell(self, row: Row) -> Cell:
        """The cell in which a row of the axes is set."""
        key = repr([pair for pair in row.items() if pair[0] not in self._stacked])
        if key not in self._settled:
            self._settled[key] = self._settle({n: value for n, value in row.items() if n not in self._stacked})
        chosen, common, differences = self._settled[key]
        stacked = {name: self._one(chosen, name, row) for name in self._stacked}
        values = common | stacked
        # A list of one is what it is, so that an id does not depend on what a study stacks.
        of_stacked = {name: (value,) for name, value in stacked.items() if chosen.values[name] != (value,)}
        return Cell(id_of(differences | of_stacked), {name: values[name] for name in self._fields if name in values})

    def _one(self, chosen: Chosen, name: str, row: Row) -> Any:
        """A cell's value of a stacked field, its own or the only one of the base config."""
        if name in row:
            return chosen.read(name, row[name])
        first, *more = chosen.values[name]
        if more:
            held = shown(chosen.values[name])
            raise SweepError(f"{name} must be set in every cell or in none, got a cell that would have all of {held}")
        return first

    def _settle(self, row: Row) -> _Settled:
        """Reads and checks values of fields that are not stacked."""
        chosen = self._choose({name: value for name, value in row.items() if name in self._choices})
        given = {name: self._read(chosen, name, row) for name in row if name not in self._choices}
        # What a cell has in common with its base is not set, as in Plan.config_of.
        given = {name: value for name, value in given.items() if chosen.values[name] != value}
        try:
            changed = chosen.changed(given)
        except ValueError as problem:
            raise SweepError(_no_cell(row, str(problem))) from None
        values = {**chosen.values, **changed}
        common = {name: values[name] for name in self._fields if name in values and name not in self._stacked}
        chose = {name: chosen.values[name] for name in self._choices if chosen.values[name] != self._held[name]}
        return _Settled(chosen, common, {**chose, **changed})

    def _read(self, chosen: Chosen, name: str, row: Row) -> Any:
        if not chosen.has(name):
            raise SweepError(_no_cell(row, _why_unknown(chosen.config, name, row[name])))
        return chosen.read(name, row[name])

    def _choose(self, choices: Row) -> Chosen:
        key = repr(choices)
        if key not in self._chosen:
            try:
                config = configured(self._base, choices)
            except ValueError as problem:
                raise SweepError(_no_cell(choices, str(problem))) from None
            self._chosen[key] = Chosen(config, self._stacked)
        return self._chosen[key]


def _why_unknown(config: Config, name: str, value: Any) -> str:
    """Why a config has no such setting."""
    try:
        configured(config, {name: value})
    except ValueError as problem:
        return str(problem)
    raise AssertionError(f"{name} is a setting")


def _no_cell(row: Row, why: str) -> str:
    """A sentence on settings of a cell that cannot be together, or on one that cannot be at all."""
    told = ", ".join(f"{name}={shown(value)}" for name, value in row.items())
    return f"no cell can have {told}: {why}" if len(row) > 1 else why
