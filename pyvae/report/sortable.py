"""Tables whose rows a click on a head, or Enter, puts in order, a filter above them, and panes that links open.

Without script the tables can be read and the panes opened all the same: what needs it, the script makes.
"""

import html
from collections.abc import Sequence
from typing import NamedTuple


class Worded(NamedTuple):
    """A number in words of its own, such as "0.52 ± 0.03", which is sorted by its value."""

    text: str
    value: float


Value = str | float | int | bool | Worded | None
"""What a cell of a table holds; None is nothing, and comes last in any order."""


class Row(NamedTuple):
    """A row of a table, whose first cell links to the pane of that name, if it has one."""

    cells: Sequence[Value]
    pane: str | None = None


def sortable_table(head: Sequence[str], rows: Sequence[Row], label: str) -> str:
    """A table that can be sorted and filtered, for columns of numbers or of texts; label is what it is a table of."""
    numbers = [any(_is_number(row.cells[k]) for row in rows) for k in range(len(head))]
    heading = "".join(
        f'<th scope="col"{"" if number else " data-text"}>{html.escape(text)}</th>'
        for text, number in zip(head, numbers, strict=True)
    )
    body = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="sortable" aria-label="{html.escape(label)}">'
        f"<thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def pane(name: str, summary: str, *parts: str) -> str:
    """Content (HTML) that is folded away under its summary until a link to its name, `#name`, opens it."""
    return (
        f'<details class="pane" id="{html.escape(name)}"><summary>{html.escape(summary)}</summary>'
        f"{''.join(parts)}</details>"
    )


def number(value: float) -> str:
    """Six digits of a number, as a cell shows it."""
    return f"{value:.6g}".replace("-", "−")


def _cells(row: Row) -> list[str]:
    panes = [row.pane, *[None] * (len(row.cells) - 1)]
    return [_cell(value, pane) for value, pane in zip(row.cells, panes, strict=True)]


def _cell(value: Value, pane: str | None) -> str:
    text = html.escape(_text(value))
    if pane is not None:
        text = f'<a href="#{html.escape(pane)}">{text}</a>'
    if isinstance(value, Worded):
        return f'<td data-value="{value.value:.9g}">{text}</td>'
    return f'<td class="text">{text}</td>' if isinstance(value, str) else f"<td>{text}</td>"


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, Worded):
        return value.text
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else number(value)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float | Worded) and not isinstance(value, bool)


STYLE = """
.sortable td.text, .sortable th[data-text] { text-align: left; }
.sortable th button { all: unset; cursor: pointer; font: inherit; white-space: nowrap; }
.sortable th button::after { content: " ↕"; color: var(--soft); }
.sortable th[aria-sort="ascending"] button::after { content: " ↑"; color: inherit; }
.sortable th[aria-sort="descending"] button::after { content: " ↓"; color: inherit; }
.sortable th button:focus-visible { outline: 3px solid var(--accent); }
.filter { font: 0.8em system-ui, sans-serif; color: var(--soft); display: flex; flex-wrap: wrap; gap: 4px 12px;
  align-items: center; margin: 8px 0; }
.filter input { font: inherit; padding: 4px 8px; max-width: 100%; color: var(--ink); background: var(--page);
  border: 1px solid var(--soft); border-radius: 6px; }
a { color: var(--accent); }
.pane { border: 1px solid var(--line); border-radius: 8px; padding: 8px 14px; margin: 8px 0; }
.pane > summary { font-size: 0.8em; }
.pane:target { border-color: var(--accent); }
"""

SCRIPT = """
"use strict";
// The value by which a cell is sorted: null where it is empty.
const valueOf = (cell, isText) => {
  const text = cell.dataset.value ?? cell.textContent;
  if (text === "") return null;
  return isText ? text : Number(text.replaceAll("−", "-"));
};
const compare = (a, b) => typeof a === "string" ? a.localeCompare(b, "en", {numeric: true}) : a - b;
// Rows that are alike keep their order, and those without a value come last in both directions.
const sort = (table, head) => {
  const down = head.getAttribute("aria-sort") === "ascending";
  const isText = "text" in head.dataset, body = table.tBodies[0];
  const rows = [...body.rows].map(row => [valueOf(row.cells[head.cellIndex], isText), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return down ? compare(b, a) : compare(a, b);
  });
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const inOrder = document.createDocumentFragment();
  for (const [, row] of rows) inOrder.append(row);
  body.append(inOrder);
};
const addFilter = table => {
  const line = document.createElement("div"), label = document.createElement("label");
  const input = document.createElement("input"), found = document.createElement("output");
  line.className = "filter";
  input.type = "search";
  input.placeholder = "words that a row has";
  label.append("Filter ", input);
  line.append(label, found);
  table.parentElement.before(line);
  const rows = [...table.tBodies[0].rows];
  const texts = rows.map(row => [...row.cells].map(cell => cell.textContent.toLowerCase()).join(" "));
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\\s+/).filter(word => word);
    let shown = 0;
    rows.forEach((row, k) => {
      row.hidden = !words.every(word => texts[k].includes(word));
      shown += !row.hidden;
    });
    found.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
};
for (const table of document.querySelectorAll("table.sortable")) {
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, head));
  }
  if (table.tBodies[0].rows.length > 5) addFilter(table);
}
// A link opens the pane that it names, and the keyboard goes on from there.
const open = name => {
  const pane = name && document.getElementById(decodeURIComponent(name));
  for (let at = pane; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (!pane) return;
  pane.scrollIntoView();
  pane.querySelector("summary")?.focus({preventScroll: true});
};
for (const link of document.querySelectorAll('a[href^="#"]')) {
  link.addEventListener("click", () => setTimeout(() => open(link.hash.slice(1))));
}
addEventListener("hashchange", () => open(location.hash.slice(1)));
open(location.hash.slice(1));
"""
"""What `page` is given as its script where it has such tables or panes."""
