"""Results as a table to read: with rules on a terminal, as plain aligned text in a pipe."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pyvae.sweeps.table.averaging import HALF
from pyvae.sweeps.table.merging import REASON

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

NOTHING = "-"
"""Where there is no value."""
EXACT, MEASURED = 6, 4
"""Digits of a setting and of a measure; whole numbers, and the part of others before the point, have all of theirs."""
FOLDED = 24
"""Least width of a column of sentences, which alone is folded."""
PADDING = 2


def told(table: pa.Table, axes: Sequence[str]) -> dict[str, list[str]]:
    """The columns to read, each as its texts: means with half their intervals in one."""
    found = {}
    for name in table.column_names:
        if name.endswith(HALF) and name.removesuffix(HALF) in table.column_names:
            continue
        digits = EXACT if name in axes else MEASURED
        values = table[name].to_pylist()
        halves = table[name + HALF].to_pylist() if name + HALF in table.column_names else [None] * len(values)
        found[name] = [
            _interval(*pair) if pair[1] else _value(pair[0], digits) for pair in zip(values, halves, strict=True)
        ]
    return found


def shown(table: pa.Table, axes: Sequence[str]) -> "Table":
    """A table for a terminal: no number is cut or folded, reasons are folded."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    columns, drawn = told(table, axes), Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name, texts in columns.items():
        is_folded = name == REASON
        drawn.add_column(
            Text(name),
            justify="left" if _is_text(table, name) else "right",
            no_wrap=not is_folded,
            overflow="fold",
            min_width=FOLDED if is_folded else _width(name, texts),
        )
    for row in zip(*columns.values(), strict=True):
        drawn.add_row(*map(Text, row))
    return drawn


def plain(table: pa.Table, axes: Sequence[str]) -> str:
    """Lines of aligned text, the columns' names first, columns two spaces apart."""
    padded = []
    for name, texts in told(table, axes).items():
        width, is_text = _width(name, texts), _is_text(table, name)
        padded.append([text.ljust(width) if is_text else text.rjust(width) for text in (name, *texts)])
    return "".join((" " * PADDING).join(line).rstrip() + "\n" for line in zip(*padded, strict=True))


def show(console: "Console", table: pa.Table, axes: Sequence[str]) -> None:
    """Prints a table, on a terminal that is too narrow for its numbers in lines that run over."""
    if not console.is_terminal:
        console.file.write(plain(table, axes))
        return
    columns = told(table, axes)
    widths = [FOLDED if name == REASON else _width(name, texts) for name, texts in columns.items()]
    console.width = max(console.width, sum(widths) + (PADDING + 1) * len(widths))
    console.print(shown(table, axes), soft_wrap=False, crop=False)


def _width(name: str, texts: Sequence[str]) -> int:
    return max(map(len, (name, *texts)))


def _is_text(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    return not (pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _value(value: Any, digits: int) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(_value(item, digits) for item in value)
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    before = len(str(int(abs(value))))
    return f"{value:.{max(digits, before) if before <= 15 else digits}g}"


def _interval(mean: float, half: float) -> str:
    """Both with as many decimals as show two digits of the half."""
    digits = 1 - math.floor(math.log10(half))
    if digits > 6:
        return f"{mean:.{EXACT}g} ± {half:.2g}"
    return f"{mean:.{max(digits, 0)}f} ± {half:.{max(digits, 0)}f}"
