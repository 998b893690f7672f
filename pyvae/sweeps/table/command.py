"""`pyvae results`: what came of a sweep, as a table to read or for other programs."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pyvae.report.answer import counted
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import CONFIG
from pyvae.sweeps.table.averaging import COUNTS, HALF, MODELS, over_seeds
from pyvae.sweeps.table.columns import SEEDS, measures
from pyvae.sweeps.table.export import as_json, csv, write
from pyvae.sweeps.table.results import Counts, axes_of, counts, load_results
from pyvae.sweeps.table.selecting import met, named, ordered, telling
from pyvae.sweeps.table.show import show

if TYPE_CHECKING:
    from rich.console import Console

ROWS = 40
"""Of a table on a terminal, where no limit is asked for."""


@dataclass(frozen=True)
class Question:
    """What of a sweep's results is asked for."""

    where: str | None = None
    """A condition on rows, as `pyvae.sweeps.table.where.condition` has it."""
    sort: Sequence[str] = ()
    ascending: bool = False
    columns: Sequence[str] | None = None
    """By name or pattern; None: all, or to be read a few telling ones."""
    limit: int | None = None
    """Rows at most, 0 for all; None: all, or to be read on a terminal ROWS."""
    over: str | None = None
    """`seeds`: a row for all models that differ in the seed only, with means."""

    def __post_init__(self) -> None:
        if self.over not in (None, *SEEDS):
            raise SweepError(f"over must be seeds, over which alone there are intervals, got {self.over!r}")
        if self.limit is not None and self.limit < 0:
            raise SweepError(f"limit must be at least 0, got {self.limit}")


class Read(NamedTuple):
    """What people are shown where they ask for nothing else."""

    first: Sequence[str]
    """Columns that come before others."""
    rows: int
    """At most; 0 for all."""


class Answer(NamedTuple):
    """What of the results was asked for."""

    table: pa.Table
    rows: int
    """How many there are without the limit."""


def answer(table: pa.Table, axes: Sequence[str], question: Question, *, read: Read | None = None) -> Answer:
    """The rows and columns that are asked for.

    Args:
        table: the results, as `load_results` gives them.
        axes: the sweep's axes.
        question: what is asked for.
        read: to be read by people, where nothing else is asked for: a few columns and rows.
    """
    rows = met(table, question.where)
    if question.over:
        return _averages(rows, axes, question, read)
    sort = named(question.sort, rows.column_names, "sort")
    rows = ordered(rows, sort, ascending=question.ascending)
    some = _limited(rows, question, read)
    if question.columns is not None:
        names = named(question.columns, rows.column_names, "columns")
    else:
        names = rows.column_names if read is None else telling(some, axes, [*sort, *read.first])
    return Answer(some.select(names), len(rows))


def show_results(
    sweep: Path, question: Question, console: "Console", *, out: Path | None = None, form: str | None = None
) -> None:
    """Prints what is asked of a sweep's results, or writes it to a file.

    Args:
        sweep: the sweep's folder.
        question: what is asked for.
        console: where to print: a terminal gets rules, a few rows and a line on the sweep, a pipe plain text.
        out: a file to write instead, .csv, .parquet or .json.
        form: "csv" or "json", to print that.

    Raises:
        SweepError: there is no sweep, it is damaged, or the question names what it does not have; one sentence.
    """
    results, axes = load_results(sweep), axes_of(sweep)
    if out is not None:
        write(answer(results, axes, question).table, out)
        console.print(f"results: {out}", highlight=False, markup=False, soft_wrap=True)
        return
    with _until_the_reader_has_enough():
        if form is not None:
            console.file.write({"csv": csv, "json": as_json}[form](answer(results, axes, question).table).decode())
        else:
            read = Read(_best(sweep), ROWS if console.is_terminal else 0)
            _show(console, answer(results, axes, question, read=read), axes, counts(sweep, results))
        console.file.flush()


def _show(console: "Console", found: Answer, axes: Sequence[str], cells: Counts) -> None:
    show(console, found.table, axes)
    if console.is_terminal:
        some = len(found.table)
        every = counted(found.rows, "row")
        part = f"{some} of {every}, --limit 0 shows all" if some < found.rows else every
        states = [f"{number} {name}" for name, number in cells._asdict().items() if number]
        console.print(
            f"\n{part}; of {counted(sum(cells), 'cell')} {', '.join(states)}", highlight=False, soft_wrap=True
        )
    elif not found.rows:
        print(f"no row is there to show, of {counted(sum(cells), 'cell')}", file=sys.stderr)


@contextmanager
def _until_the_reader_has_enough() -> Iterator[None]:
    """Ends quietly where whoever reads a pipe, such as head, closes it."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _averages(rows: pa.Table, axes: Sequence[str], question: Question, read: Read | None) -> Answer:
    """Of models that differ in the seed only."""
    known = [*rows.column_names, *COUNTS]
    sort = named(question.sort, known, "sort")
    if question.columns is not None:
        names = named(question.columns, known, "columns")
    else:
        names = rows.column_names if read is None else telling(rows, axes, [*sort, *read.first])
    numbers = measures(rows, axes)
    found = over_seeds(rows, axes, [name for name in dict.fromkeys([*names, *sort]) if name in numbers])
    named([*sort, *(names if question.columns is not None else ())], found.column_names, f"over {SEEDS[1]}")
    found = ordered(found, sort, ascending=question.ascending)
    if question.columns is None:
        names = _averaged(found, names, is_read=read is not None)
    halves = [part for name in names for part in (name, name + HALF) if part in found.column_names]
    return Answer(_limited(found, question, read).select(halves), len(found))


def _averaged(found: pa.Table, names: Sequence[str], *, is_read: bool) -> list[str]:
    """The columns of means where none are asked for; to be read without counts of nothing."""
    counted = [name for name in COUNTS if name == MODELS or not is_read or pc.any(pc.greater(found[name], 0)).as_py()]
    keys = found.column_names[: found.column_names.index(MODELS)]
    own = [name for name in names if name in found.column_names and name not in keys]
    return [*(name for name in keys if name in names), *counted, *own]


def _limited(rows: pa.Table, question: Question, read: Read | None) -> pa.Table:
    limit = question.limit if question.limit is not None else read.rows if read is not None else 0
    return rows.slice(0, limit or len(rows))


def _best(sweep: Path) -> Sequence[str]:
    """The column that the sweep's file calls best, if it does."""
    try:
        return [str(json.loads((sweep / CONFIG).read_text())["best"]["column"])]
    except (OSError, ValueError, LookupError, TypeError):
        return []
