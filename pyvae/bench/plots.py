"""Time and memory of the density against M on logarithmic axes, from results alone."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from pyvae.bench.cases import BACKWARD, DENSITY
from pyvae.bench.providers import COMPILED, EAGER, KEOPS, OURS
from pyvae.bench.results import Results, Row
from pyvae.plotting.style import new_figure, save_png, tidy

# Okabe and Ito's colours, told apart by markers too.
LOOKS = {
    OURS: ("#0072B2", "o"),
    EAGER: ("#D55E00", "s"),
    COMPILED: ("#009E73", "^"),
    KEOPS: ("#CC79A7", "D"),
}
_PANEL_WIDTH, _LEAST_WIDTH, _HEIGHT = 3.2, 6.4, 3.8
_USUAL_LATENTS = 10

Value = Callable[[Row, str], float | None]


def write_plots(results: Results, folder: Path) -> list[Path]:
    """Writes overview.png, time.png and memory.png; one that would have no point is left out."""
    drawn = {
        "overview.png": _overview(results),
        "time.png": _figure(results, _seconds, "seconds"),
        "memory.png": _figure(results, _mebibytes, "peak memory above baseline (MiB)"),
    }
    paths = []
    for name, figure in drawn.items():
        if figure is not None:
            save_png(figure, folder / name)
            paths.append(folder / name)
    return paths


def _seconds(row: Row, provider: str) -> float | None:
    return row.timings[provider].median if provider in row.timings else None


def _mebibytes(row: Row, provider: str) -> float | None:
    size = row.peak_bytes.get(provider, 0)
    return size / 2**20 if size > 0 else None  # a logarithm has no place for 0


def _figure(results: Results, value: Value, label: str) -> Figure | None:
    """A panel for each D that has at least two sizes, or for every D where none has."""
    rows = [row for row in _density_rows(results) if any(value(row, name) for name in LOOKS)]
    by_latents = {d: [row for row in rows if row.case.latents == d] for d in sorted({r.case.latents for r in rows})}
    panels = {d: chosen for d, chosen in by_latents.items() if len(chosen) > 1} or by_latents
    if not panels:
        return None
    figure = new_figure(max(_PANEL_WIDTH * len(panels) + 1.4, _LEAST_WIDTH), _HEIGHT)
    for axes, (latents, chosen) in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels.items(), strict=True
    ):
        _panel(axes, chosen, value)
        tidy(axes, f"D = {latents}", "M", label if latents == min(panels) else "")
    _legend(figure)
    _title(figure, results)
    return figure


def _density_rows(results: Results) -> list[Row]:
    rows = sorted(results.rows, key=lambda row: row.case.rows)
    return [row for row in rows if row.case.op == DENSITY and row.case.direction == BACKWARD]


def _legend(figure: Figure) -> None:
    handles = {text: line for axes in figure.axes for line, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), frameon=False, fontsize=9, loc="outside right center")


def _title(figure: Figure, results: Results, detail: str = "") -> None:
    threads = results.machine.get("threads", "?")
    text = f"minibatch_log_density, forward + backward{detail}, {threads} threads"
    figure.suptitle(text, fontsize=11, x=0.01, ha="left")


def _overview(results: Results) -> Figure | None:
    """Time and memory side by side, for ten latents, or else the D of which most sizes were measured."""
    rows = [row for row in _density_rows(results) if OURS in row.timings]
    counts = Counter(row.case.latents for row in rows)
    if not counts:
        return None
    latents = max(counts, key=lambda d: (d == _USUAL_LATENTS, counts[d], -d))
    chosen = [row for row in rows if row.case.latents == latents]
    figure = new_figure(2 * _PANEL_WIDTH + 2.6, _HEIGHT)
    panels = zip(figure.subplots(1, 2), (("time (s)", _seconds), ("memory (MiB)", _mebibytes)), strict=True)
    for axes, (label, value) in panels:
        _panel(axes, chosen, value)
        tidy(axes, label, "batch size M")
    _legend(figure)
    _title(figure, results, f", {latents} latents")
    return figure


def _panel(axes: Axes, rows: list[Row], value: Value) -> None:
    for name, (colour, marker) in LOOKS.items():
        points = [(row.case.rows, found) for row in rows if (found := value(row, name)) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, marker=marker, markersize=5, linewidth=1.7, label=name)
    axes.set(xscale="log", yscale="log")
    sizes = [row.case.rows for row in rows]
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(sizes, [str(size) for size in sizes], rotation=40)
