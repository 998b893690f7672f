"""Heat maps of a measure over any two axes of a sweep, or along its only one, with the spread over seeds."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pyvae.report.page import Shade, heat_map, paragraph, subsection
from pyvae.sweeps.report.axes import MOST, Axis
from pyvae.sweeps.report.measures import Format
from pyvae.sweeps.report.sweep import Array, Rows, Sweep
from pyvae.sweeps.table.merging import DIVERGED, FAILED

AXES = 4
"""Axes of which every two have a map."""
FACETS = 4
"""Combinations of the other axes' values that have a map each; of more, maps show means."""

Where = tuple[int, int]


def maps(sweep: Sweep, measures: Sequence[str]) -> str:
    """Every measure over every two axes, one measure after the other, of which the first is open."""
    shown, left = _chosen(sweep.axes)
    told = paragraph(_about(sweep, shown, left), "note")
    if not shown:
        return told
    if len(shown) == 1:
        return _along(sweep, shown[0], measures) + told
    parts = []
    for k, measure in enumerate(measures):
        pairs = "".join(_pair(sweep, measure, *pair) for pair in combinations(shown, 2))
        parts.append(
            f'<details class="maps"{"" if k else " open"}><summary>{html.escape(measure)}</summary>{pairs}</details>'
        )
    return "".join(parts) + told


def _chosen(axes: Sequence[Axis]) -> tuple[list[Axis], list[str]]:
    """The axes that are shown, those with many numbers in groups, and the names of the others."""
    fitting = [axis.grouped() for axis in axes if axis.is_numeric or len(axis) <= MOST]
    shown = fitting[:AXES]
    return shown, [axis.name for axis in axes if axis.name not in {one.name for one in shown}]


def _about(sweep: Sweep, shown: Sequence[Axis], left: Sequence[str]) -> str:
    """What the numbers are."""
    if not shown:
        return f"No axis has few enough values for a map: {', '.join(left)}."
    words = ["The larger a number, the stronger its colour, from the least to the largest mean of a configuration."]
    several = max((len(rows) for rows in sweep.members), default=1)
    if several > 1:
        words.append(f"± is half the 95 % t interval over the seeds of one configuration, {several} at most.")
    else:
        words.append("Each configuration has one seed, so that nothing tells how far seeds scatter.")
    if len(sweep.axes) > len(shown) or len(shown) > 2 or any(axis.bins for axis in shown):
        words.append("Of several configurations in one place: their mean and, below it, the least and the largest.")
    if sum(sweep.counts) > sweep.counts.finished:
        words.append("2 of 3: so many of the models there have a value. An empty place has no cell that is finished.")
    if left:
        words.append(f"Without maps: {', '.join(left)}, which the table of all models has.")
    return " ".join(words)


@dataclass(frozen=True)
class _Shown:
    """A measure of configurations, and how it is drawn."""

    sweep: Sweep
    measure: str
    means: Array
    format: Format
    low: float
    high: float

    @classmethod
    def of(cls, sweep: Sweep, measure: str) -> "_Shown":
        means = sweep.means(measure)
        known = means[np.isfinite(means)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        return cls(sweep, measure, means, Format.of(sweep.values(measure)), low, high)

    def shade(self, configurations: Sequence[int], failed: int) -> Shade:
        """A place where these configurations are, and so many cells that failed."""
        known = [k for k in configurations if np.isfinite(self.means[k])]
        if not known:
            return Shade([self._without(configurations, failed)], None)
        mean = float(np.mean(self.means[known]))
        share = (mean - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        told = self._over_seeds(known[0]) if len(known) == 1 else (self.format(mean), self._range(known))
        models = np.concatenate([self.sweep.members[k] for k in configurations])
        there = int(np.isfinite(self.sweep.values(self.measure)[models]).sum())
        lacking = [f"{there} of {len(models) + failed}"] if there < len(models) + failed else []
        return Shade([*filter(None, told), *lacking], share)

    def _over_seeds(self, configuration: int) -> tuple[str, str]:
        interval = self.sweep.interval(self.measure, configuration)
        mean, spread = self.format.parts(interval)
        return mean, f"{interval.seeds} seeds alike" if interval.same else spread

    def _range(self, known: Sequence[int]) -> str:
        low, high = (self.format(float(end(self.means[known]))) for end in (np.min, np.max))
        return f"{low} to {high}"

    def _without(self, configurations: Sequence[int], failed: int) -> str:
        """Why there is no number."""
        if not configurations:
            return FAILED if failed else ""
        rows = np.concatenate([self.sweep.members[k] for k in configurations])
        return DIVERGED if any(self.sweep.status[row] == DIVERGED for row in rows) else "-"


def _pair(sweep: Sweep, measure: str, first: Axis, second: Axis) -> str:
    """A map, or several where the other axes have few combinations of values."""
    rows, columns = (first, second) if len(first) >= len(second) else (second, first)
    others = [axis for axis in sweep.axes if axis.name not in (first.name, second.name)]
    drawn, title = _Shown.of(sweep, measure), f"{measure} over {rows.name} and {columns.name}"
    parts = _facets(sweep, others)
    if len(parts) > FACETS:
        names = " and ".join(axis.name for axis in others)
        return subsection(title, paragraph(f"Means over {names}.", "note"), _map(drawn, rows, columns))
    if len(parts) == 1:
        return subsection(title, _map(drawn, rows, columns))
    facets = "".join(f"<div>{paragraph(name, 'note')}{_map(drawn, rows, columns, part)}</div>" for name, part in parts)
    return subsection(title, f'<div class="facets">{facets}</div>')


def _facets(sweep: Sweep, others: Sequence[Axis]) -> list[tuple[str, Rows]]:
    """The rows that have each combination of values of other axes, with the combination in words; all of them where
    there is no other axis.
    """
    places = np.stack([np.zeros(len(sweep.table), np.int64), *(axis.places for axis in others)], 1)
    found = []
    for combination in np.unique(places, axis=0)[: FACETS + 1]:
        named = zip(others, combination[1:].tolist(), strict=True)
        name = ", ".join(
            f"{axis.name} {axis.names[place]}" if place >= 0 else f"no {axis.name}" for axis, place in named
        )
        found.append((name, np.flatnonzero((places == combination).all(1))))
    return found


def _map(drawn: _Shown, rows: Axis, columns: Axis, part: Rows | None = None) -> str:
    held: dict[Where, list[int]] = {}
    failed: dict[Where, int] = {}
    within = set(range(len(drawn.sweep.table)) if part is None else part.tolist())
    for k, members in enumerate(drawn.sweep.members):
        if int(members[0]) in within:
            held.setdefault(_place(rows, columns, members[0]), []).append(k)
    for row, status in enumerate(drawn.sweep.status):
        if status == FAILED and row in within:
            place = _place(rows, columns, row)
            failed[place] = failed.get(place, 0) + 1
    lines = [
        (name, [drawn.shade(held.get((i, j), []), failed.get((i, j), 0)) for j in range(len(columns))])
        for i, name in enumerate(rows.names)
    ]
    return heat_map([f"{rows.name} ↓ {columns.name} →", *columns.names], lines)


def _place(rows: Axis, columns: Axis, row: int) -> Where:
    return int(rows.places[row]), int(columns.places[row])


def _along(sweep: Sweep, axis: Axis, measures: Sequence[str]) -> str:
    """All measures along the only axis, a column each, with a range of colours of its own."""
    drawn = [_Shown.of(sweep, measure) for measure in measures]
    held = [[k for k, rows in enumerate(sweep.members) if axis.places[rows[0]] == i] for i in range(len(axis))]
    failed = [
        sum(status == FAILED and axis.places[row] == i for row, status in enumerate(sweep.status))
        for i in range(len(axis))
    ]
    lines = [(name, [one.shade(held[i], failed[i]) for one in drawn]) for i, name in enumerate(axis.names)]
    return heat_map([axis.name, *measures], lines)


STYLE = """
.facets { display: flex; flex-wrap: wrap; gap: 8px 28px; }
.facets > div { min-width: 0; max-width: 100%; }
.maps { margin: 10px 0; }
"""
