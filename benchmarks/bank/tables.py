"""The tables and the picture of docs/bank.md, from the committed results.

python -m benchmarks.bank.tables                     # prints the tables, draws docs/bank/training.png
"""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.script import RESULTS
from pyvae.bench.machine import machine_name
from pyvae.plotting.style import INK, new_figure, save_png, tidy

PICTURE = Path(__file__).parents[2] / "docs/bank/training.png"
COLOURS = {"mss": "#D55E00", "bank": "#0072B2"}

Row = dict[str, Any]


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"


def _of(among: Sequence[Row], /, **values: Any) -> Row:
    (row,) = (row for row in among if all(row[name] == value for name, value in values.items()))
    return row


def gradients(result: Row, minibatch: int = 64) -> str:
    """Bias, noise and cosine by the posteriors' width, of one size of the minibatch."""
    rows = [row for row in result["rows"] if row["rows"] == minibatch]
    widths, estimators = (list(dict.fromkeys(row[name] for row in rows)) for name in ("width", "estimator"))

    def cell(row: Row) -> str:
        return f"{row['bias']:.2f} / {row['noise']:.2f} / {row['cosine']:.2f}"

    return markdown(
        [f"M = {minibatch}: bias / noise / cosine", *(f"sigma {width}" for width in widths)],
        ([name, *(cell(_of(rows, width=width, estimator=name)) for width in widths)] for name in estimators),
    )


def sizes(result: Row, width: str = "0.3") -> str:
    """Noise of one minibatch and error of the total correlation, by the minibatch's size."""
    rows = [row for row in result["rows"] if row["width"] == width]
    counts, estimators = (list(dict.fromkeys(row[name] for row in rows)) for name in ("rows", "estimator"))

    def cell(row: Row) -> str:
        return f"{row['noise']:.2f}, {row['value_error']:+.2f}"

    return markdown(
        [f"sigma {width}: noise, error of the value", *(f"M = {count}" for count in counts)],
        ([name, *(cell(_of(rows, rows=count, estimator=name)) for count in counts)] for name in estimators),
    )


def objective_of(result: Row, point: Row) -> list[float]:
    """The exact objective of every seed at a measurement."""
    exact = point["exact"]
    weights = {"reconstruction": 1, "mutual_information": 1, "total_correlation": result["beta"], "dimwise_kl": 1}
    return [sum(weight * exact[name][k] for name, weight in weights.items()) for k in range(len(exact["dimwise_kl"]))]


def _point(result: Row, *, step: int | None = None, seconds: float | None = None) -> Row:
    """The measurement at a step, or the last one within so many seconds, the first if there is none."""
    if step is not None:
        return _of(result["trace"], step=step)
    within = [point for point in result["trace"] if point["seconds"] <= (seconds or 0)]
    return within[-1] if within else result["trace"][0]


def training(result: Row) -> str:
    """What was learned at equal steps, what mss learned in the bank's time, and how far logs are off in the end."""
    cases = {(r["rows"], r["beta"], r["estimator"]): r for r in result["results"]}

    def line(rows: int, beta: float) -> list[str]:
        bank, mss = cases[rows, beta, "bank"], cases[rows, beta, "mss"]
        step, seconds = bank["steps"], bank["trace"][-1]["seconds"]
        cells = [f"{rows}", f"{beta:g}"]
        for name in ("mss", "mws", "bank"):
            case = cases.get((rows, beta, name))
            cells.append("" if case is None else f"{statistics.mean(objective_of(case, _point(case, step=step))):.2f}")
        in_time = _point(mss, seconds=seconds)
        shown = f"{statistics.mean(objective_of(mss, in_time)):.2f}, {in_time['step']} steps"
        cells.append(shown if mss["steps"] > step else "")
        for case in (mss, bank):
            point = _point(case, step=step)
            logged, exact = (statistics.mean(point[kind]["total_correlation"]) for kind in ("logged", "exact"))
            cells.append(f"{exact:.3f}, {logged - exact:+.2f}")
        cells.append(f"{mss['ms_a_step'] / 5:.2f}, {bank['ms_a_step'] / 5:.2f}")
        gaps = [case.get("mig") for case in (mss, bank)]
        return [*cells, *([", ".join(f"{statistics.mean(gap):.2f}" for gap in gaps)] if all(gaps) else [])]

    pairs = sorted(((rows, beta) for rows, beta, name in cases if name == "bank"), key=lambda pair: (pair[1], pair[0]))
    both = ["total correlation, error of its log: mss", "bank"]
    head = ["M", "β", "mss", "mws", "bank", "mss in the bank's time", *both, "ms a step: mss, bank"]
    lines = [line(*pair) for pair in pairs]
    return markdown([*head, *(["MIG: mss, bank"] if len(lines[0]) > len(head) else [])], lines)


def staleness(result: Row, minibatch: int) -> str:
    """Error of the value and cosine of the mean gradient, by step."""
    rows = [row for row in result["rows"] if row["rows"] == minibatch]
    names = [found["estimator"] for found in rows[0]["estimators"]]

    def cell(row: Row, name: str) -> str:
        found = _of(row["estimators"], estimator=name)
        return f"{found['value_error']:+.2f}, {found['cosine of mean']:.2f}"

    return markdown(
        [f"M = {minibatch}: error, cosine", *(f"step {row['step']}" for row in rows)],
        [
            ["codes moved by, in their sigma", *(f"{row['moved, in sigmas']:.2f}" for row in rows)],
            *([name, *(cell(row, name) for row in rows)] for name in names),
        ],
    )


def cost(result: Row) -> str:
    """Milliseconds of forward and backward, and the ratio to the exact sum with all gradients."""
    peer = "exact of the peer" if "exact of the peer, s" in result["rows"][0] else "exact"

    def line(row: Row) -> list[str]:
        times = [f"{1e3 * row[f'{name}, s']:.1f}" for name in ("bank", peer)]
        return [
            f"{row['N']:,}".replace(",", " "),
            row["width"],
            str(row["threads"]),
            *times,
            f"{row[f'ratio to {peer}']:.2f}",
        ]

    return markdown(["N", "sigma", "threads", "bank, ms", "exact sum, ms", "ratio"], map(line, result["rows"]))


def draw(results: dict[str, Row]) -> None:
    """Total correlation as logged and exact while training, of both data sets, by the minibatch's size."""
    figure = new_figure(9.0, 2.6 * len(results))
    for row, (name, result) in enumerate(results.items()):
        counts = sorted({case["rows"] for case in result["results"]})
        for column, rows in enumerate(counts):
            axes = figure.add_subplot(len(results), len(counts), row * len(counts) + column + 1)
            for estimator, colour in COLOURS.items():
                case = _of(result["results"], rows=rows, beta=6.0, estimator=estimator)
                last = min(c["steps"] for c in result["results"] if c["rows"] == rows)
                points = [point for point in case["trace"] if point["step"] <= last]
                for kind, style in (("logged", "-"), ("exact", "--")):
                    mean = [statistics.mean(point[kind]["total_correlation"]) for point in points]
                    label = f"{estimator}, {kind}" if row == column == 0 else None
                    axes.plot([p["step"] for p in points], mean, style, color=colour, linewidth=1.3, label=label)
            axes.axhline(0, color=INK, linewidth=0.5)
            bottom, left = row == len(results) - 1, column == 0
            tidy(axes, f"{name}, M = {rows}", "step" if bottom else "", "TC (nats)" if left else "")
    figure.axes[0].legend(frameon=False, fontsize=8)
    save_png(figure, PICTURE)


def main() -> None:
    folder = RESULTS / machine_name()

    def read(name: str) -> Row:
        found: Row = json.loads((folder / f"bank_{name}.json").read_text())
        return found

    tables: dict[str, Callable[[Row], str]] = {"gradients": gradients, "cost": cost}
    for name, table in tables.items():
        print(table(read(name)))
    print(sizes(read("gradients")))
    runs = {data: read(f"training_{data}") for data in ("digits", "sprites")}
    for result in runs.values():
        print(training(result))
    for rows in (32, 128):
        print(staleness(read("staleness"), rows))
    draw(runs)


if __name__ == "__main__":
    main()
