"""How tables of a sweep's shards become the table of the sweep."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.table.outcomes import CELL

SHARD, STATUS, REASON = "shard", "status", "reason"
OWN = (CELL, SHARD, STATUS, REASON)
"""The columns that come first, which no study's table may have, but for the cell."""
FINITE = "finite"
"""The study's column that is false where a model has diverged."""
FINISHED, DIVERGED, FAILED = "finished", "diverged", "failed"
WHY_DIVERGED = "training diverged: its loss is not finite"

Layout = tuple[tuple[str, str], ...]
"""The columns of a table, each by its name and the name of its type."""


def layouts_of(tables: Mapping[str, pa.Table]) -> dict[str, Layout]:
    """The columns of each table."""
    known: list[tuple[pa.Schema, Layout]] = []
    found = {}
    for name, table in tables.items():
        layout = next((layout for schema, layout in known if schema.equals(table.schema)), None)
        if layout is None:
            layout = layout_of(table)
            known.append((table.schema, layout))
        found[name] = layout
    return found


def layout_of(table: pa.Table) -> Layout:
    """The columns of a table."""
    return tuple((field.name, str(field.type)) for field in table.schema)


def columns_of(layouts: Iterable[Layout]) -> list[str]:
    """The columns of tables put together: each behind that which it follows in its own table.

    So that gamma of one objective stands beside beta of another, not behind all the scores.
    """
    order: list[str] = []
    for layout in dict.fromkeys(layouts):
        at = 0
        for name, _ in layout:
            if name in order:
                at = order.index(name) + 1
            else:
                order.insert(at, name)
                at += 1
    return order


def joined(tables: Sequence[pa.Table], order: Sequence[str]) -> pa.Table:
    """All rows of finished shards, with the columns of all, null where a shard has no such column.

    Columns are such that every reader takes them in the same way: no dictionaries, and null where there is no number,
    not NaN.
    """
    if not tables:
        return pa.table({CELL: pa.array([], pa.string())})
    taken = set(order) & {*OWN[1:]}
    if taken:
        raise SweepError(f"table of a study must have no column {min(taken)!r}, which results have of their own")
    alike = [_plain(pa.concat_tables(company).combine_chunks()) for company in _of_equal_columns(tables)]
    try:
        return pa.concat_tables(alike, promote_options="permissive").select(order).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
        told = " ".join(str(problem).split())
        raise SweepError(f"tables of all shards must have columns of the same types: {told}") from None


def assembled(
    cells: pa.Table, shards: Mapping[str, Sequence[str]], rows: pa.Table, reasons: Mapping[str, str]
) -> pa.Table:
    """The table of a sweep, in the order of its cells.

    An axis that is also a column of the study's table appears once, as an axis: of finished cells both say the same,
    and of failed ones there is the axis alone.

    Args:
        cells: the cells and their values of the axes, as cells.parquet has them.
        shards: the cells of each shard.
        rows: of all finished shards.
        reasons: why the failed shards failed.
    """
    failed = [(cell, reason) for shard, reason in reasons.items() for cell in shards[shard]]
    schema = pa.schema([(CELL, pa.string()), (REASON, pa.string())])
    failures = pa.table([pa.array(column, pa.string()) for column in zip(*failed, strict=True)] or [[], []], schema)
    rows = pa.concat_tables([rows, failures], promote_options="default")
    position = pc.index_in(rows[CELL], value_set=cells[CELL].combine_chunks())
    if position.null_count:
        strange = rows.filter(pc.is_null(position))[CELL][0]
        raise SweepError(f"cells of a sweep must be in its cells.parquet, but it lacks {strange}, which a shard has")
    order = np.argsort(position.to_numpy(), kind="stable")
    rows, cells = rows.take(order), cells.take(position.take(order))
    owner = {cell: shard for shard, members in shards.items() for cell in members}
    columns = {CELL: rows[CELL], SHARD: pa.array([owner[cell] for cell in rows[CELL].to_pylist()], pa.string())}
    columns |= _states(rows)
    columns |= {name: _axis(name, cells, rows) for name in cells.column_names if name != CELL}
    columns |= {name: rows[name] for name in rows.column_names if name not in columns}
    return pa.table({name: _typed(column) for name, column in columns.items()})


def check_cells(rows: pa.Table, shards: Mapping[str, Sequence[str]], finished: Collection[str]) -> None:
    """SweepError unless the rows are those of the finished shards' cells, of every one."""
    expected = {cell: shard for shard in finished for cell in shards[shard]}
    there = set(rows[CELL].to_pylist())
    if lacking := expected.keys() - there:
        cell = min(lacking)
        raise SweepError(
            f"rows.parquet of shard {expected[cell]} must have rows of its cell {cell}, but has none: delete the file, "
            "and the same pyvae sweep command measures its cells again"
        )
    if strange := there - expected.keys():
        raise SweepError(f"rows of shards must be of their own cells, but some are of {min(strange)}, which none has")


def _of_equal_columns(tables: Sequence[pa.Table]) -> list[list[pa.Table]]:
    """Tables in groups of the same names and types: thousands of equal ones are soon joined, of others they are not."""
    groups: list[list[pa.Table]] = []
    for table in tables:
        company = next((group for group in groups if group[0].schema.equals(table.schema)), None)
        if company is None:
            groups.append([table])
        else:
            company.append(table)
    return groups


def _plain(table: pa.Table) -> pa.Table:
    return pa.table([_plain_column(column) for column in table.columns], names=table.column_names)


def _plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Of a column without any value and any type, numbers."""
    return column.cast(pa.float64()) if pa.types.is_null(column.type) else column


def _states(rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    """The status of each row, and its reason."""
    failed, reason = pc.is_valid(rows[REASON]), rows[REASON]
    status = pc.if_else(failed, FAILED, FINISHED)
    if FINITE in rows.column_names:
        diverged = pc.fill_null(pc.invert(rows[FINITE]), False)
        status, reason = pc.if_else(diverged, DIVERGED, status), pc.if_else(diverged, WHY_DIVERGED, reason)
    return {STATUS: status, REASON: reason}


def _axis(name: str, cells: pa.Table, rows: pa.Table) -> pa.ChunkedArray:
    """An axis, together with the study's column of its name where there is one."""
    axis = cells[name]
    if name not in rows.column_names:
        return axis
    column = rows[name]
    try:
        kinds = [pa.schema([(name, kind)]) for kind in (axis.type, column.type)]
        kind = pa.unify_schemas(kinds, promote_options="permissive").field(name).type
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise SweepError(
            f"{name} must be of one type as an axis and as a column of the study's table, got {axis.type} and "
            f"{column.type}"
        ) from None
    axis, column = axis.cast(kind), column.cast(kind)
    differing = pc.index(pc.fill_null(pc.not_equal(axis, column), False), True).as_py()
    if differing >= 0:
        raise SweepError(
            f"{name} must be the same as an axis and in the study's table, but of cell {rows[CELL][differing]} it is "
            f"{axis[differing]} and {column[differing]}"
        )
    return pc.coalesce(axis, column)
