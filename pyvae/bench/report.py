"""The tables of a benchmark: Markdown for a file, rich for a terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich import table as rich_table
from rich.console import Console

from pyvae.bench.cases import DENSITIES
from pyvae.bench.ceilings import Ceilings
from pyvae.bench.providers import ORDER, OURS
from pyvae.bench.results import Results, Row, TrainingRow
from pyvae.files import atomic_write_text

SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
WIDTH_OF_A_FILE = 120
SMALL_MEMORY = 0.5
NO_BREAK = "\N{NO-BREAK SPACE}"
HOW_TO_READ = (
    "Times are medians; in brackets, how many times longer a provider takes than pyvae. Memory is the peak of a "
    "process above its baseline."
)


@dataclass(frozen=True)
class Table:
    """Cells as text, and notes to stand below."""

    title: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str]


def tables(results: Results) -> list[Table]:
    """Times and memory of each op by size, whatever the order of measurement, then the training steps."""
    found = []
    for op in dict.fromkeys(row.case.op for row in results.rows):
        rows = sorted((row for row in results.rows if row.case.op == op), key=_size)
        found.append(_time_table(op, rows))
        if any(row.peak_bytes for row in rows):
            found.append(_memory_table(op, rows))
    return found + ([_training_table(results.training)] if results.training else [])


def _size(row: Row) -> tuple[int, int, str]:
    return row.case.latents, row.case.rows, row.case.direction


def markdown(results: Results) -> str:
    """The whole report."""
    facts = [f"- {label}: {value}" for label, value in results.machine.items()]
    parts = ["# Benchmark", "\n".join(facts + [f"- {line}" for line in ceiling_lines(results.ceilings)]), HOW_TO_READ]
    for table in tables(results):
        lines = [_markdown_row(table.header), _markdown_row(["---"] * len(table.header))]
        lines += [_markdown_row(row) for row in table.rows]
        parts += [f"## {table.title}", "\n".join(lines)]
        if table.notes:
            parts.append("\n".join(f"- {note}" for note in table.notes))
    return "\n\n".join(parts) + "\n"


def write_markdown(results: Results, folder: Path) -> None:
    """Writes results.md whole or not at all."""
    atomic_write_text(folder / "results.md", markdown(results))


def print_report(results: Results, console: Console) -> None:
    """The same tables on a terminal; elsewhere as wide as they are."""
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDTH_OF_A_FILE)
    for table in tables(results):
        drawn = rich_table.Table(title=table.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for place, name in enumerate(table.header):
            drawn.add_column(name, justify="left" if place < 2 else "right", no_wrap=place == 0, overflow="fold")
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)
        for note in table.notes:
            console.print(f"  {note}", highlight=False, markup=False, soft_wrap=True)
    if results.rows:
        console.print(HOW_TO_READ, highlight=False, markup=False, soft_wrap=True)


def ceiling_lines(ceilings: Ceilings) -> list[str]:
    """The two ceilings in words."""
    return [
        f"FMA ceiling: {ceilings.multiply_adds_per_second / 1e9:.0f} G multiply-adds/s (float32, in registers)",
        f"copy ceiling: {ceilings.copy_bytes_per_second / 1e9:.1f} GB/s read and written (a tensor of 256 MiB)",
    ]


def summary(row: Row) -> str:
    """One line for a row as it is finished."""
    if OURS not in row.timings:
        return f"{row.case}: " + "; ".join(f"{name} {note}" for name, note in row.notes.items())
    peers = ", ".join(f"{name} {row.ratio(name):.3g}x" for name in ORDER if name != OURS and name in row.timings)
    return f"{row.case}: {duration(row.timings[OURS].median)}; {peers}" if peers else f"{row.case}: alone"


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    scale, unit = next(((scale, unit) for scale, unit in SCALES if seconds >= scale), SCALES[-1])
    return f"{seconds / scale:#.3g}".rstrip(".") + NO_BREAK + unit


def memory_size(size: int) -> str:
    """Two or three digits in MiB or GiB."""
    mebibytes = size / 2**20
    if mebibytes < SMALL_MEMORY:  # pages are counted in batches: less is not resolved
        return f"<{NO_BREAK}{SMALL_MEMORY}{NO_BREAK}MiB"
    if mebibytes >= 1024:
        return f"{mebibytes / 1024:.1f}{NO_BREAK}GiB"
    return f"{mebibytes:.{0 if mebibytes >= 10 else 1}f}{NO_BREAK}MiB"


def _time_table(op: str, rows: list[Row]) -> Table:
    names = [name for name in ORDER if any(name in row.timings or name in row.notes for row in rows)]
    ceiling = "of FMA ceiling" if op in DENSITIES else "of copy ceiling"
    cells = [
        [
            *_place(row),
            *(_time_cell(row, name) for name in names),
            "-" if row.share is None else f"{row.share:.0%}",
        ]
        for row in rows
    ]
    return Table(op, ["M x D", "direction", *names, ceiling], cells, list(_notes(rows)))


def _memory_table(op: str, rows: list[Row]) -> Table:
    rows = [row for row in rows if row.peak_bytes]
    names = [name for name in ORDER if any(name in row.peak_bytes for row in rows)]
    cells = [
        [*_place(row), *(memory_size(row.peak_bytes[name]) if name in row.peak_bytes else "-" for name in names)]
        for row in rows
    ]
    return Table(f"{op}: peak memory", ["M x D", "direction", *names], cells, [])


def _place(row: Row) -> list[str]:
    return [f"{row.case.rows}{NO_BREAK}x{NO_BREAK}{row.case.latents}", row.case.direction]


def _time_cell(row: Row, name: str) -> str:
    if name not in row.timings:
        return "-"
    time, ratio = duration(row.timings[name].median), row.ratio(name)
    if name == OURS or ratio is None:
        return time
    decimals = 0 if ratio >= 10 else 1 if ratio >= 1 else 2
    return f"{time} ({ratio:.{decimals}f}x)"


def _notes(rows: list[Row]) -> Iterator[str]:
    """Why a provider is missing, sizes with the same reason in one line each."""
    for row in rows:
        for name, note in row.notes.items():
            label = row.case.label
            yield f"{label}: not reported, {name} {note}" if row.disagrees else f"{label}: without {name}, which {note}"


def _training_table(rows: list[TrainingRow]) -> Table:
    header = ["M", "loss by", "step", "of which loss", "share of the loss"]
    cells, notes = [], []
    for row in rows:
        if row.seconds is None or row.loss_seconds is None:
            notes.append(f"M = {row.rows}: without {row.provider}, which {row.note}")
            continue
        share = row.loss_seconds / row.seconds
        cells.append(
            [str(row.rows), row.provider, duration(row.seconds), duration(row.loss_seconds), f"{min(share, 1):.0%}"]
        )
    return Table("Training step of a beta-TCVAE on 64 x 64 images", header, cells, notes)


def _markdown_row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
