"""The table of docs/audit.md, of the committed audit.json."""

from typing import Any

HEADINGS = ("project", "call", "quantity", "of", "value", "truth", "to the truth", "verdict", "note")


def table(held: dict[str, Any]) -> str:
    """A row for each of the audit's, projects in its order, and a line under it for each that was not there."""
    notes = notes_of(held)
    lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    lines += [_line(row, notes) for row in held["rows"]]
    lines += ["", *(f"{number}. {note}" for note, number in notes.items())]
    lines += [f"\n{line}" for line in held["left out"]]
    return "\n".join(lines)


def notes_of(held: dict[str, Any]) -> dict[str, int]:
    """Each note once, numbered by where it is first needed."""
    notes = dict.fromkeys(row["note"] for row in held["rows"] if row["note"])
    return {note: number for number, note in enumerate(notes, 1)}


def _line(row: dict[str, Any], notes: dict[str, int]) -> str:
    value = number(row["value"]) + (f" ± {row['error']:.1g}" if row["error"] else "")
    project = " ".join(part for part in (row["project"], row["version"]) if part)
    to_truth = number(row["ratio"]) if row["ratio"] is not None else f"{signed(row['difference'])}"
    cells = [project, f"`{row['call']}`", row["quantity"], row["on"], value, number(row["truth"]), to_truth]
    return f"| {' | '.join([*cells, row['verdict'], str(notes.get(row['note'], ''))])} |"


def number(value: float) -> str:
    """Four digits, with a true minus."""
    return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


def signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", "\N{MINUS SIGN}")
