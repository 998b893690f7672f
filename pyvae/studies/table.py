"""What a run knows of its models as a table that any study's can be put beside."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

RENAMED = {"steps": "steps_taken"}
"""Columns of results that have the name of a setting, which says another thing: how many steps were asked for."""


def table_of_models(results: pa.Table, coordinates: Sequence[str]) -> pa.Table:
    """Rows of models, the coordinates first, then every other column of numbers or of truth values.

    A number that is not finite is null; text that is no coordinate, such as a reason, is left out.
    """
    numbers = [field.name for field in results.schema if field.name not in coordinates and _counts(field.type)]
    return pa.table({RENAMED.get(name, name): _finite_or_null(results[name]) for name in (*coordinates, *numbers)})


def _counts(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _finite_or_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
