"""The metrics of a run's models on the unbiased test set, one model after another, from where an earlier call stopped.

Each model has a file of its own under metrics/ in the run's folder, written anew after every metric: what dies at any
time loses the metric in work only. metrics.parquet is made from these files.
"""

import hashlib
import json
import shlex
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from rich import box, table
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

import pyvae
from pyvae.data.data_set import DataSet
from pyvae.errors import Interrupted
from pyvae.files import atomic_path, atomic_write_text, remove_stale_temporaries
from pyvae.metrics import Codes, Factors, Metric
from pyvae.metrics.estimators.information import Protocol
from pyvae.metrics.evaluate import check_protocol, chosen_metrics, outcome_of, schema
from pyvae.studies.errors import StudyError
from pyvae.studies.folder import claimed, study_in
from pyvae.studies.models import load_models
from pyvae.studies.run import stop_on_signal
from pyvae.training import Recipe, Trained
from pyvae.training.cells import Cell
from pyvae.training.progress import BarOnTerminal

METRICS, PARTS = "metrics.parquet", "metrics"
IMAGES_AT_ONCE = 2048
Part = dict[str, dict[str, Any]]
"""What is known of one model: for each metric its `key`, what was evaluated and how, and its `rows`."""


@dataclass(frozen=True)
class How:
    """What every model of a call is measured by."""

    metrics: Sequence[Metric]
    protocol: Protocol
    seed: int
    points: int

    def key(self, metric: Metric, weights: str) -> dict[str, Any]:
        """All that a number depends on, as JSON gives it back; one of another key is measured again."""
        defaults = {name: str(setting) for name, setting in metric.defaults.items()}
        asked = {"protocol": self.protocol, "seed": self.seed, "points": self.points}
        return {"weights": weights, "version": pyvae.__version__, "defaults": defaults, **asked}


def evaluate_run(
    out: Path | str,
    *,
    metrics: Iterable[str] | None = None,
    protocol: str = "paper",
    seed: int = 0,
    points: int = 10_000,
    console: Console | None = None,
) -> Path:
    """Measures a run's models and returns the path of metrics.parquet in its folder.

    Args:
        out: the run's folder.
        metrics: names among pyvae.metrics.METRICS; all but the slow ones by default.
        protocol, seed: as pyvae.metrics.evaluate.
        points: of the test set at most, drawn without replacement by `seed`; all models have the same.
        console: for progress and the table of medians.

    A pair of model and metric that the folder holds of the same weights and settings is not measured again. The file
    has what the folder holds of the models as they are, also of earlier calls for other metrics.

    Raises:
        StudyError: for what is asked wrongly, for a folder without trained models, and while another process works
            in it.
        Interrupted: after SIGINT or SIGTERM, with all that was done kept.
    """
    out, console = Path(out), console or Console()
    how = _checked(metrics, protocol, seed, points)
    study, config = study_in(out) or _no_study(out)
    with claimed(study, config, out, resume=True), stop_on_signal(console) as stop:
        remove_stale_temporaries(out / PARTS)
        run = _Run(out, study.recipe(config), load_models(out), how, console, stop)
        try:
            run.measure_all()
        except Interrupted as interrupted:
            raise Interrupted(f"{interrupted}; go on with: {_command(out, metrics, how)}") from None
        finally:
            path = run.merge()
    console.print(summary(pq.read_table(path), run.recipe.axes), highlight=False, markup=False)
    return path


class _Run:
    """The models of one folder, and what is known of each."""

    def __init__(
        self, out: Path, recipe: Recipe, trained: Trained, how: How, console: Console, stop: threading.Event
    ) -> None:
        self.out, self.recipe, self.trained, self.how = out, recipe, trained, how
        self.console, self.stop = console, stop
        self.weights = [_digest(trained, k) for k in range(len(trained.cells))]
        self.parts = [_read(self._path(cell)) for cell in trained.cells]

    def measure_all(self) -> None:
        """Every pair that is not known yet."""
        open_metrics = [self._open(k) for k in range(len(self.parts))]
        self._tell(open_metrics)
        if not any(open_metrics):
            return
        images, factors = _test_points(self.recipe.data, self.how)
        with _Progress(self.console, sum(map(len, open_metrics)), len(self.parts)) as progress:
            for k, names in enumerate(open_metrics):
                codes = _encoded(self.trained, k, images) if names else None
                for metric in names:
                    if self.stop.is_set():
                        raise Interrupted("stopped while measuring, all metrics that are done are kept")
                    assert codes is not None
                    progress.next(k, self.recipe.named(self.trained.cells[k]), metric.name)
                    self._measure(k, metric, codes, factors)

    def merge(self) -> Path:
        """Writes metrics.parquet of all that is known of the models as they are."""
        rows = [
            {**_axes(cell, self.recipe.axes), **row}
            for cell, part, weights in zip(self.trained.cells, self.parts, self.weights, strict=True)
            for name, entry in sorted(part.items())
            if entry["key"]["weights"] == weights
            for row in entry["rows"]
        ]
        bias, strength = self.recipe.axes
        columns = pa.schema([(bias, pa.float64()), (strength, pa.float64()), ("seed", pa.int64()), *schema()])
        with atomic_path(self.out / METRICS) as temporary:
            pq.write_table(pa.Table.from_pylist(rows, schema=columns), temporary)
        return self.out / METRICS

    def _open(self, k: int) -> list[Metric]:
        part = self.parts[k]
        return [
            metric
            for metric in self.how.metrics
            if part.get(metric.name, {}).get("key") != self.how.key(metric, self.weights[k])
        ]

    def _tell(self, open_metrics: Sequence[Sequence[Metric]]) -> None:
        """Says what is kept, and what is measured anew because the weights or the settings are others."""
        anew = sum(
            metric.name in part for part, names in zip(self.parts, open_metrics, strict=True) for metric in names
        )
        kept = len(self.parts) * len(self.how.metrics) - sum(map(len, open_metrics))
        if kept:
            self.console.print(f"{kept} scores of models are kept from before", highlight=False)
        if anew:
            self.console.print(f"{anew} are of other weights or settings and are measured anew", highlight=False)

    def _measure(self, k: int, metric: Metric, codes: Codes, factors: Factors) -> None:
        outcome = outcome_of(metric, codes, factors, protocol=self.how.protocol, seed=self.how.seed)
        key = self.how.key(metric, self.weights[k])
        rows = [_with_points(row, len(factors)) for row in outcome.rows(metric.name)]
        self.parts[k][metric.name] = {"key": key, "rows": rows}
        atomic_write_text(self._path(self.trained.cells[k]), json.dumps(self.parts[k], indent=1))

    def _path(self, cell: Cell) -> Path:
        return self.out / PARTS / f"{cell.bias!r}_{cell.strength!r}_{cell.seed}.json"


class _Progress(BarOnTerminal):
    """A bar of all pairs on a terminal, a line for each model elsewhere."""

    def __init__(self, console: Console, pairs: int, models: int) -> None:
        super().__init__(console, TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._pairs, self._models, self._model = pairs, models, -1

    def next(self, k: int, cell: str, metric: str) -> None:
        """A metric of model k comes next."""
        if self._bar is None:
            if k != self._model:
                self._console.print(f"measuring model {k + 1} of {self._models}: {cell}", highlight=False)
        elif not self._bar.task_ids:
            self._bar.add_task(f"{cell}: {metric}", total=self._pairs)
        else:
            self._bar.update(self._bar.task_ids[0], advance=1, description=f"{cell}: {metric}")
        self._model = k


def summary(found: pa.Table, axes: tuple[str, str]) -> table.Table:
    """Each metric's median over the models, and its highest and lowest with the cells they belong to."""
    drawn = table.Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("metric", "models", "refused", "median", "highest", "lowest"):
        drawn.add_column(
            head, justify="left" if head in ("metric", "highest", "lowest") else "right", no_wrap=head == "metric"
        )
    rows = found.to_pylist()
    for name in dict.fromkeys(row["metric"] for row in rows):
        mine = [row for row in rows if row["metric"] == name]
        known = sorted((row for row in mine if row["value"] is not None), key=lambda row: float(row["value"]))
        median = f"{np.median([row['value'] for row in known]):.3f}" if known else "-"
        ends = [f"{row['value']:.3f} ({_cell(row, axes)})" for row in (known[-1], known[0])] if known else ["-", "-"]
        drawn.add_row(name, str(len(known)), str(len(mine) - len(known)), median, *ends)
    return drawn


def _with_points(row: Mapping[str, Any], points: int) -> dict[str, Any]:
    """A row whose settings say of how many points it is, which a metric's own settings do not."""
    if row["settings"] is None:
        return dict(row)
    return {**row, "settings": json.dumps(json.loads(row["settings"]) | {"points": points})}


def _cell(row: Mapping[str, Any], axes: tuple[str, str]) -> str:
    return f"{axes[0]} {row[axes[0]]:g}, {axes[1]} {row[axes[1]]:g}, seed {row['seed']}"


def _checked(metrics: Iterable[str] | None, protocol: str, seed: int, points: int) -> How:
    try:
        check_protocol(protocol)
        chosen = chosen_metrics(metrics)
    except (ValueError, TypeError) as problem:
        raise StudyError(str(problem)) from None
    if points < 1:
        raise StudyError(f"points must be at least 1, got {points}")
    if seed < 0:
        raise StudyError(f"seed must be at least 0, got {seed}")
    return How(chosen, cast(Protocol, protocol), seed, points)


def _no_study(out: Path) -> Any:
    raise StudyError(f"folder must hold a study, but {out} has no config.json")


def _command(out: Path, metrics: Iterable[str] | None, how: How) -> str:
    asked = ["--metrics", ",".join(metric.name for metric in how.metrics)] if metrics is not None else []
    same = ["--protocol", how.protocol, "--seed", str(how.seed), "--points", str(how.points)]
    return shlex.join(["pyvae", "evaluate", str(out), *asked, *same])


def _axes(cell: Cell, axes: tuple[str, str]) -> dict[str, Any]:
    return {axes[0]: float(cell.bias), axes[1]: float(cell.strength), "seed": cell.seed}


def _read(path: Path) -> Part:
    """What a model's file knows; nothing where there is none, and StudyError where something else has written it."""
    try:
        held = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as problem:
        raise StudyError(f"{path} is damaged, delete it to measure its model again: {problem}") from None
    entries = held.values() if isinstance(held, dict) else [None]
    if not all(isinstance(entry, dict) and {"key", "rows"} <= set(entry) for entry in entries):
        raise StudyError(f"{path} is damaged, delete it to measure its model again: it holds no metrics")
    return dict(held)


def _digest(trained: Trained, k: int) -> str:
    """Of one model's weights."""
    found = hashlib.sha256()
    for name, weights in sorted(trained.model.select([k]).state_dict().items()):
        found.update(name.encode() + np.ascontiguousarray(weights.cpu().numpy()).tobytes())
    return found.hexdigest()


def _test_points(data: DataSet, how: How) -> tuple[torch.Tensor, Factors]:
    """Factors as `data.images` takes them, and as metrics do, of the points that are drawn."""
    truth = data.test_factors()
    drawn = np.random.default_rng(how.seed).permutation(len(truth))[: how.points]
    rows = torch.from_numpy(np.sort(drawn))
    names = [factor.name for factor in data.factors]
    nominal = [factor.name for factor in data.factors if factor.nominal]
    return data.images(truth[rows]), Factors(data.labels()[rows], names, nominal)


@torch.no_grad()
def _encoded(trained: Trained, k: int, images: torch.Tensor) -> Codes:
    """The posteriors of one model."""
    model = trained.model.select([k])
    parts = [model.encode(batch) for batch in torch.split(images, IMAGES_AT_ONCE)]
    return Codes(torch.cat([mu[0] for mu, _ in parts]), torch.cat([logvar[0] for _, logvar in parts]))
