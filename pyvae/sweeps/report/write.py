"""report.html: a sweep told from its folder alone, whatever study it is of."""

from collections.abc import Mapping
from pathlib import Path

from pyvae.files import atomic_write_text
from pyvae.report import chart, sortable
from pyvae.report.answer import counted
from pyvae.report.page import bullets, code, page, section
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import CONFIG
from pyvae.sweeps.report import best, failures, maps
from pyvae.sweeps.report.curves import curves
from pyvae.sweeps.report.framing import head, limits
from pyvae.sweeps.report.measures import Goal, chosen, goal_of, traded
from pyvae.sweeps.report.models import all_models
from pyvae.sweeps.report.pareto import trade_off
from pyvae.sweeps.report.pictures import name_of, panes
from pyvae.sweeps.report.show import Show
from pyvae.sweeps.report.sweep import Sweep, open_sweep

REPORT = "report.html"


def write_report(folder: Path | str, show: Show | None = None) -> Path:
    """Writes the page of the sweep in a folder and returns its path, folder/report.html.

    It needs no other file, and says what there is by now: a sweep that goes on has open cells. The same results give
    the same page.

    Args:
        folder: of the sweep, of which nothing else is changed but that its results may be brought up to date.
        show: how much of it; see `Show`.

    Raises:
        SweepError: for a folder that holds no sweep, and measures that it has not.
    """
    sweep, show = open_sweep(folder), show or Show()
    goal = goal_of(sweep.config.best, sweep.measures)
    if unknown := [name for name in show.measures if name not in sweep.measures]:
        known = ", ".join(sweep.measures) or "none"
        raise SweepError(f"measures must be columns of the sweep's results with numbers, {known}, got {unknown[0]!r}")
    path = sweep.folder / REPORT
    title = f"A sweep of {sweep.config.study}: {counted(sum(sweep.counts), 'cell')}"
    body = [
        head(sweep, goal, title),
        *_told(sweep, goal, show),
        section("What this page cannot tell", bullets(limits(sweep, goal))),
    ]
    body.append(section("What was asked for", code(sweep.config.to_json(), CONFIG)))
    style = sortable.STYLE + chart.STYLE + maps.STYLE
    atomic_write_text(path, page(title, body, style=style, script=sortable.SCRIPT))
    return path


def _told(sweep: Sweep, goal: Goal | None, show: Show) -> list[str]:
    """The sections that are made of results."""
    failed = failures.failures(sweep)
    wrong = [section("What went wrong", failed)] if failed else []
    logs = {row: failures.name_of(row) for row in failures.logged(sweep)}
    if goal is None:
        models = [section("All models", all_models(sweep, None, (), show.rows, logs))] if len(sweep.table) else []
        return [*wrong, *models]
    measures = chosen(sweep.measures, goal, show.measures)
    order = sweep.ranked(goal.column, largest=goal.largest)
    pictured = {k: _first(sweep, goal, k) for k in best.chosen(order, show.best, show.worst)}
    links = {k: name_of(row) for k, row in pictured.items()}
    titles = {row: f"place {order.index(k) + 1} of {len(order)}: {sweep.name(k)}" for k, row in pictured.items()}
    drawn = panes(sweep, titles, measures, show)
    exchange = traded(sweep.measures, goal)
    traded_for = [] if exchange is None else [_trade_off(sweep, *exchange, links)]
    rows = logs | {row: name_of(row) for row in pictured.values()}
    return [
        section("The best configurations", best.ranking(sweep, goal, measures, list(pictured), links)),
        *([section("Over the axes", maps.maps(sweep, measures))] if sweep.axes else []),
        *traded_for,
        section("How training went", curves(sweep, goal)),
        *([section("What they draw", drawn)] if drawn else []),
        *wrong,
        section("All models", all_models(sweep, goal, measures, show.rows, rows)),
    ]


def _trade_off(sweep: Sweep, x: str, y: Goal, links: Mapping[int, str]) -> str:
    return section(f"{x} against {y.column}", trade_off(sweep, x, y, links))


def _first(sweep: Sweep, goal: Goal, configuration: int) -> int:
    """The model of a configuration that is shown: of the first seed that has a value, not of the best one."""
    values = sweep.values(goal.column)
    return next(int(row) for row in sweep.members[configuration] if values[row] == values[row])
