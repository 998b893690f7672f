"""`pyvae evaluate`: the metrics of a run's models on the unbiased test set, from where an earlier call stopped.

metrics.parquet is made from what scores.py keeps of each model.
"""

import dataclasses
import shlex
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich import box, table
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from pyvae.data import DATA_SETS
from pyvae.data.data_set import DataSet
from pyvae.errors import Interrupted
from pyvae.files import atomic_path
from pyvae.metrics import Metric
from pyvae.metrics.estimators.protocols import PROTOCOLS, Protocol, check_choice
from pyvae.metrics.evaluate import chosen_metrics
from pyvae.report.answer import counted
from pyvae.studies.config import DataSettings
from pyvae.studies.errors import StudyError
from pyvae.studies.folder import METRICS, claimed, study_in
from pyvae.studies.memory import memory_told
from pyvae.studies.models import load_groups
from pyvae.studies.run import stop_on_signal
from pyvae.studies.scores import POINTS, Measuring, Points, Scores, points_of, table_of, told_share
from pyvae.studies.side_by_side import Model, measured
from pyvae.training.progress import BarOnTerminal


@memory_told()
def evaluate_run(
    out: Path | str,
    *,
    metrics: Iterable[str] | None = None,
    protocol: str = "paper",
    seed: int = 0,
    points: int = POINTS,
    data: str | None = None,
    data_path: Path | str | None = None,
    console: Console | None = None,
) -> Path:
    """Measures a run's models and returns the path of metrics.parquet in its folder; of other data it is
    metrics-NAME.parquet, with the data set's name and its file's.

    Args:
        out: the run's folder.
        metrics: names among pyvae.metrics.METRICS; by default all that the data allow but the slow ones.
        protocol, seed: as pyvae.metrics.evaluate.
        points: of the test set at most, drawn without replacement by `seed`; all models have the same.
        data, data_path: another data set than the one that the models were trained on, by its name in
            pyvae.data.DATA_SETS and, of those that read files, its file or folder; its images have the same size.
        console: for progress and the table of medians.

    A pair of model and metric that the folder holds of the same weights and settings is not measured again. The file
    has what the folder holds of the models as they are, also of earlier calls for other metrics.

    Raises:
        StudyError: for what is asked wrongly, for a folder without trained models, and while another process works
            in it.
        Interrupted: after SIGINT or SIGTERM, with all that was done kept.
    """
    out, console = Path(out), console or Console()
    study, config = study_in(out) or _no_study(out)
    recipes = study.recipes(config)
    own = next(iter(recipes.values())).data
    other = _other(data, data_path, own)
    how = _checked(metrics, protocol, seed, points, own if other is None else other)
    if other is not None:
        name = f"{METRICS}-{data}" + (f"-{Path(data_path).stem}" if data_path else "")
        how = dataclasses.replace(how, data=f"{data} {data_path or ''}".strip(), place=name)
    with claimed(study, config, out, resume=True), stop_on_signal(console) as stop:
        groups = load_groups(out)
        scores = [Scores(out, group, recipes[group], trained, how) for group, trained in groups.items()]
        try:
            _measure_all(scores, other, console, stop)
        except Interrupted as interrupted:
            again = _command(out, metrics, how, data, data_path)
            raise Interrupted(f"{interrupted}; go on with: {again}") from None
        finally:
            found, path = table_of(scores), out / f"{how.place}.parquet"
            with atomic_path(path) as temporary:
                pq.write_table(found, temporary)
    console.print(summary(found, scores[0].recipe.axes), highlight=False, markup=False)
    for told in filter(None, (told_share(found), *_stayed(scores))):
        console.print(told, highlight=False, markup=False)
    return path


def _stayed(scores: Sequence[Scores]) -> list[str]:
    """That models refused what was asked for, and that what they have of an earlier call stays: a sentence a metric."""
    found: dict[str, list[str]] = {}
    for one in scores:
        for name, reasons in one.stayed().items():
            found.setdefault(name, []).extend(reasons)
    return [
        f"{name} as it was asked for is refused by {counted(len(reasons), 'model')}, whose score "
        f"of an earlier call stays: {reasons[0].rstrip('.')}."
        for name, reasons in found.items()
    ]


def _measure_all(scores: Sequence[Scores], data: DataSet | None, console: Console, stop: threading.Event) -> None:
    """Every pair that is not known yet."""
    todo = [(one, k, metric) for one in scores for k in range(len(one.parts)) for metric in one.open(k)]
    _tell(console, scores, todo)
    with _Progress(console, len(todo), len({(one.group, k) for one, k, _ in todo})) as progress:

        def tell(model: Model, metric: Metric) -> None:
            if stop.is_set():
                raise Interrupted("stopped while measuring, all metrics that are done are kept")
            one, k = model
            progress.next(one.named(k), metric.name)

        for of, models in _by_data(todo, data):
            for _ in measured(models, Points(of, models[0][0].how.points, models[0][0].how.seed), tell):
                pass


def _by_data(todo: Iterable[tuple[Scores, int, Metric]], data: DataSet | None) -> list[tuple[DataSet, list[Model]]]:
    """The models that have something to be measured, with the data set that they are measured on."""
    found: dict[int, tuple[DataSet, dict[tuple[str, int], Model]]] = {}
    for one, k, _ in todo:
        of = data if data is not None else one.recipe.data
        found.setdefault(id(of), (of, {}))[1].setdefault((one.group, k), (one, k))
    return [(of, list(models.values())) for of, models in found.values()]


def _tell(console: Console, scores: Sequence[Scores], todo: Sequence[tuple[Scores, int, Metric]]) -> None:
    """Says what is kept, and what is measured anew because the weights or the settings are others."""
    anew = sum(metric.name in one.parts[k] for one, k, metric in todo)
    kept = sum(len(one.parts) * len(one.how.metrics) for one in scores) - len(todo)
    if kept:
        console.print(f"{kept} scores of models are kept from before", highlight=False)
    if anew:
        console.print(f"{anew} are of other weights or settings and are measured anew", highlight=False)


class _Progress(BarOnTerminal):
    """A bar of all pairs on a terminal, a line for each model elsewhere."""

    def __init__(self, console: Console, pairs: int, models: int) -> None:
        super().__init__(console, TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._pairs, self._models, self._model, self._count = pairs, models, "", 0

    def next(self, model: str, metric: str) -> None:
        """A metric of a model comes next."""
        self._count += model != self._model
        if self._bar is None:
            if model != self._model:
                self._console.print(f"measuring model {self._count} of {self._models}: {model}", highlight=False)
        elif not self._bar.task_ids:
            self._bar.add_task(f"{model}: {metric}", total=self._pairs)
        else:
            self._bar.update(self._bar.task_ids[0], advance=1, description=f"{model}: {metric}")
        self._model = model


def summary(found: pa.Table, axes: tuple[str, str]) -> table.Table:
    """Of how many images each metric is, of how many of the models, the rest of which it refuses, its median over
    these, and its highest and lowest with the cells they belong to.
    """
    drawn = table.Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for head in ("metric", "points", "models", "median", "highest", "lowest"):
        in_words = head in ("highest", "lowest")
        justify: Literal["left", "right"] = "left" if in_words or head == "metric" else "right"
        drawn.add_column(head, justify=justify, no_wrap=not in_words, min_width=None if in_words else len(head))
    rows = found.to_pylist()
    for name in dict.fromkeys(row["metric"] for row in rows):
        mine = [row for row in rows if row["metric"] == name]
        known = sorted((row for row in mine if row["value"] is not None), key=lambda row: float(row["value"]))
        median = f"{np.median([row['value'] for row in known]):.3f}" if known else "-"
        ends = [f"{row['value']:.3f} ({_cell(row, axes)})" for row in (known[-1], known[0])] if known else ["-", "-"]
        points = sorted({points for row in known if (points := points_of(row["settings"])) is not None})
        counts = (", ".join(map(str, points)) or "-", f"{len(known)} of {len(mine)}")
        drawn.add_row(name, *counts, median, *ends)
    return drawn


def _cell(row: dict[str, Any], axes: tuple[str, str]) -> str:
    group = f"{row['group']}, " if "group" in row else ""
    return f"{group}{axes[0]} {row[axes[0]]:g}, {axes[1]} {row[axes[1]]:g}, seed {row['seed']}"


def _checked(metrics: Iterable[str] | None, protocol: str, seed: int, points: int, data: DataSet) -> Measuring:
    try:
        check_choice("protocol", protocol, PROTOCOLS)
        chosen = chosen_metrics(metrics, with_factors=bool(data.factors))
    except (ValueError, TypeError) as problem:
        raise StudyError(str(problem)) from None
    if points < 1:
        raise StudyError(f"points must be at least 1, got {points}")
    if seed < 0:
        raise StudyError(f"seed must be at least 0, got {seed}")
    return Measuring(chosen, cast(Protocol, protocol), seed, points)


def _other(data: str | None, path: Path | str | None, own: DataSet) -> DataSet | None:
    """Another data set, of images that the models take; None where none is named."""
    if data is None:
        if path is not None:
            raise StudyError(f"data must name the kind of data_path, one of {', '.join(DATA_SETS)}, got none")
        return None
    if data not in DATA_SETS:
        raise StudyError(f"data must be one of {', '.join(DATA_SETS)}, got {data}")
    try:
        other = DataSettings(data, None if path is None else str(path)).open()
    except ValueError as problem:
        raise StudyError(str(problem)) from None
    if other.shape != own.shape:
        raise StudyError(
            f"data must have images of shape {own.shape}, as the models were trained on, got {other.shape}"
        )
    return other


def _no_study(out: Path) -> Any:
    raise StudyError(f"folder must hold a study, but {out} has no config.json")


def _command(
    out: Path, metrics: Iterable[str] | None, how: Measuring, data: str | None, data_path: Path | str | None
) -> str:
    asked = ["--metrics", ",".join(metric.name for metric in how.metrics)] if metrics is not None else []
    same = ["--protocol", how.protocol, "--seed", str(how.seed), "--points", str(how.points)]
    of = ["--data", data, *(["--data-path", str(data_path)] if data_path else [])] if data is not None else []
    return shlex.join(["pyvae", "evaluate", str(out), *asked, *same, *of])
