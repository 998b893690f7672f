"""Cells that failed and models that diverged: how many, why, and what their logs say at the end."""

import re
from collections.abc import Sequence

from pyvae.report.answer import counted
from pyvae.report.page import code, paragraph
from pyvae.report.sortable import Row, pane, sortable_table
from pyvae.sweeps.folder import SweepFolder
from pyvae.sweeps.names import LOG
from pyvae.sweeps.report.sweep import Sweep
from pyvae.sweeps.table.merging import FAILED, FINISHED, REASON, SHARD

REASONS = 20
"""Kinds of reasons that a page lists,"""
PANES = 10
"""and cells of which it has the log's end, one of each reason first,"""
ALIKE = 2
"""but no more of one."""
LINES, CHARACTERS = 25, 4000
"""Of a log's end."""


def name_of(row: int) -> str:
    """Of the pane of a failed cell, which links name."""
    return f"failed-{row}"


def failures(sweep: Sweep) -> str:
    """What went wrong; nothing where nothing did."""
    groups = _grouped(sweep)
    if not groups:
        return ""
    shown = logged(sweep)
    rows = [
        Row([sweep.status[rows[0]], reason, len(rows), sweep.named(rows[0], seed=True)], _pane_of(rows, shown))
        for reason, rows in groups[:REASONS]
    ]
    left = len(groups) - len(rows)
    told = paragraph(
        f"{_counted(sweep)}{f' {left} more kinds of reasons are in the table of all models.' if left else ''}"
    )
    head = ["what became of them", "reason", "how many", "the first"]
    return told + sortable_table(head, rows, "Reasons of failures") + "".join(_log(sweep, row) for row in shown)


def _counted(sweep: Sweep) -> str:
    """How many of all."""
    found = sweep.counts
    models = sum(status != FAILED for status in sweep.status)
    diverged = models - sum(status == FINISHED for status in sweep.status)
    parts = [f"{found.failed} of {counted(sum(found), 'cell')} failed and have no numbers"] if found.failed else []
    if diverged:
        parts.append(f"{diverged} of {counted(models, 'trained model')} diverged, and count nowhere else")
    return f"{'; '.join(parts)}. Reasons that differ in numbers alone are counted together."


def _grouped(sweep: Sweep) -> list[tuple[str, list[int]]]:
    """Reasons, of the most frequent ones first, with the rows that have them."""
    found: dict[tuple[str, str], list[int]] = {}
    reasons: list[str | None] = sweep.table[REASON].to_pylist()
    for row, (status, reason) in enumerate(zip(sweep.status, reasons, strict=True)):
        if status != FINISHED:
            found.setdefault((status, re.sub(r"[0-9a-f]{12}|\d+(\.\d+)?", "#", reason or "")), []).append(row)
    groups = sorted(found.values(), key=len, reverse=True)
    return [(reasons[rows[0]] or "no reason was kept", rows) for rows in groups]


def logged(sweep: Sweep) -> list[int]:
    """The failed cells whose logs are shown, by their rows: the first of each reason, then the second."""
    failed = [rows for _, rows in _grouped(sweep) if sweep.status[rows[0]] == FAILED]
    ordered = [rows[k] for k in range(ALIKE) for rows in failed if k < len(rows)]
    return ordered[:PANES]


def _pane_of(rows: Sequence[int], shown: Sequence[int]) -> str | None:
    return name_of(rows[0]) if rows[0] in shown else None


def _log(sweep: Sweep, row: int) -> str:
    """Why a cell failed, and the last lines that its worker printed."""
    shard = str(sweep.table[SHARD][row])
    title = f"{sweep.named(row, seed=True) or 'the only cell'}: failed"
    reason = f"Cell {sweep.cell(row)}, shard {shard}: {sweep.table[REASON][row]}"
    try:
        with (SweepFolder(sweep.folder).shard(shard) / LOG).open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - CHARACTERS))
            end = "\n".join(file.read().decode(errors="replace").splitlines()[-LINES:])
    except OSError:
        end = ""
    log = code(end) if end.strip() else paragraph("Its log is not there.", "note")
    return pane(name_of(row), title, paragraph(reason, "note"), log)
