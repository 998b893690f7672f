"""What metrics say of a run's models: measured one model and one metric after the other, each kept once it is done.

Each model has a file of its own under metrics/ in the run's folder, written anew after every metric: what dies at any
time loses the metric in work only.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

import pyvae
from pyvae.data.data_set import DataSet
from pyvae.files import atomic_write_text, remove_stale_temporaries
from pyvae.metrics import Codes, Factors, Metric
from pyvae.metrics.estimators.protocols import Protocol
from pyvae.metrics.estimators.threads import one_thread_of_torch
from pyvae.metrics.evaluate import outcome_of, schema
from pyvae.studies.errors import StudyError
from pyvae.studies.folder import METRICS
from pyvae.studies.run import joined
from pyvae.training import Recipe, Trained
from pyvae.training.cells import Cell

IMAGES_AT_ONCE = 2048
POINTS = 10_000
"""Of a test set at most, where nothing else is asked for."""
Part = dict[str, dict[str, Any]]
"""What is known of one model: for each metric its `key`, what was evaluated and how, and its `rows`; and where these
refuse what was measured in another way, that entry as `before`.
"""
Next = Callable[[Metric], None]
"""Told before a metric is measured; raises Interrupted where that shall stop."""


@dataclass(frozen=True)
class Measuring:
    """What every model of a call is measured by."""

    metrics: Sequence[Metric]
    protocol: Protocol = "paper"
    seed: int = 0
    points: int = POINTS
    data: str | None = None
    """Another data set than the models' own, in words."""
    place: str = METRICS
    """Folder of what is known, in the run's: another data set has another."""

    def key(self, metric: Metric, weights: str) -> dict[str, Any]:
        """All that a number depends on, as JSON gives it back; one of another key is measured again."""
        defaults = {name: str(setting) for name, setting in metric.defaults.items()}
        asked = {"protocol": self.protocol, "seed": self.seed, "points": self.points}
        of_others = {} if self.data is None else {"data": self.data}
        return {"weights": weights, "version": pyvae.__version__, "defaults": defaults, **asked, **of_others}


class Points:
    """Images of a data set's test set, `count` at most, drawn without replacement by a seed: the same for all models
    that are measured on them. They stand in the test set's order, or as they were drawn: then the first few are as good
    as any, and those of a smaller count.
    """

    def __init__(self, data: DataSet, count: int = POINTS, seed: int = 0, *, in_order: bool = True) -> None:
        truth = data.test_factors()
        self.total = len(truth)
        """Images of the whole test set."""
        drawn = np.random.default_rng(seed).permutation(self.total)[:count]
        rows = torch.from_numpy(np.sort(drawn) if in_order else drawn)
        self.images: Tensor = data.test_images(rows)
        self.values: Tensor = truth[rows]
        """Their factors as data sets take them, [N, F]."""
        self.factors: Factors | None = None
        """As metrics take them; None of data without factors."""
        if data.factors:
            names = [factor.name for factor in data.factors]
            nominal = [factor.name for factor in data.factors if factor.nominal]
            self.factors = Factors(data.labels()[rows], names, nominal)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def told(self) -> dict[str, int]:
        """What settings say of them: how many `points`, and the size of the `test_set` where that is larger."""
        return {"points": len(self)} | ({"test_set": self.total} if len(self) < self.total else {})


class Scores:
    """What is known of the models of one group, and how what is not yet is found out."""

    def __init__(self, out: Path, group: str, recipe: Recipe, trained: Trained, how: Measuring) -> None:
        self.folder, self.group, self.recipe = out / how.place / group, group, recipe
        self.trained, self.how = trained, how
        self.deterministic = recipe.objective.deterministic
        of = ", means alone" if self.deterministic else ""
        self.weights = [_digest(trained, k) + of for k in range(len(trained.cells))]
        remove_stale_temporaries(self.folder)
        self.parts = [_read(self._path(cell)) for cell in trained.cells]

    def open(self, k: int) -> list[Metric]:
        """The metrics of model k that are not known."""
        part, weights = self.parts[k], self.weights[k]
        return [one for one in self.how.metrics if part.get(one.name, {}).get("key") != self.how.key(one, weights)]

    def task(self, k: int, points: Points) -> "Task":
        """The metrics of model k that are not known yet, to be measured by this process or another."""
        asked = [(metric, self.how.key(metric, self.weights[k])) for metric in self.open(k)]
        codes = encoded(self.trained, k, points.images, deterministic=self.deterministic)
        return Task(
            self._path(self.trained.cells[k]), self.parts[k], asked, codes, points.factors, self.how, points.told
        )

    def read(self, k: int) -> None:
        """Takes in what another process has kept of model k."""
        self.parts[k].update(_read(self._path(self.trained.cells[k])))

    def named(self, k: int) -> str:
        """Model k in words."""
        cell = self.recipe.named(self.trained.cells[k])
        return f"{self.group}, {cell}" if self.group else cell

    def table(self, *, asked: bool = False) -> pa.Table:
        """All that is known of the models as they are, also of earlier calls, or what this one `asked` for alone: a row
        for each part of a metric. Where an earlier call measured what the last one refused, its rows stay.
        """
        keys = {metric.name: metric for metric in self.how.metrics}
        rows = [
            {**_axes(cell, self.recipe.axes), **row}
            for cell, part, weights in zip(self.trained.cells, self.parts, self.weights, strict=True)
            for name, last in sorted(part.items())
            for entry in [last if asked else _told(last, weights)]
            if entry["key"]["weights"] == weights
            and (not asked or (name in keys and entry["key"] == self.how.key(keys[name], weights)))
            for row in entry["rows"]
        ]
        bias, strength = self.recipe.axes
        columns = [(bias, pa.float64()), (strength, pa.float64()), ("seed", pa.int64()), *schema()]
        return pa.Table.from_pylist(rows, schema=pa.schema(columns))

    def stayed(self) -> dict[str, list[str]]:
        """Of the metrics that this call asked for and models refused, but have of an earlier one: the reasons."""
        found: dict[str, list[str]] = {}
        for part, weights in zip(self.parts, self.weights, strict=True):
            for metric in self.how.metrics:
                if metric.name in part and _told(last := part[metric.name], weights) is not last:
                    found.setdefault(metric.name, []).append(last["rows"][0]["reason"])
        return found

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.bias!r}_{cell.strength!r}_{cell.seed}.json"


@dataclass(frozen=True)
class Task:
    """A model and the metrics of it that are not known, with all that a process needs to measure them."""

    path: Path
    """The model's file."""
    part: Part
    """What is known; grows metric by metric, as the file does."""
    asked: Sequence[tuple[Metric, dict[str, Any]]]
    """The metrics, each with its key."""
    codes: Codes
    factors: Factors | None
    how: Measuring
    points: Mapping[str, int]
    """What settings say of the points."""

    def measure(self, tell: Next = lambda metric: None) -> Part:
        """Measures the metrics one after the other, each kept once it is done, and returns all that is known.

        By one thread: products of matrices have other last digits by two, and a model would have those of whether it
        was measured alone or beside others.
        """
        for metric, key in self.asked:
            tell(metric)
            with one_thread_of_torch():
                self._measure(metric, key)
        return self.part

    def _measure(self, metric: Metric, key: dict[str, Any]) -> None:
        outcome = outcome_of(metric, self.codes, self.factors, protocol=self.how.protocol, seed=self.how.seed)
        rows = [_with_settings(row, self.points, self.how.data) for row in outcome.rows(metric.name)]
        entry, last = {"key": key, "rows": rows}, self.part.get(metric.name)
        if last is not None and not _has_value(entry):
            before = last if _has_value(last) else last.get("before")
            entry |= {} if before is None else {"before": before}
        self.part[metric.name] = entry
        atomic_write_text(self.path, json.dumps(self.part, indent=1))


def table_of(scores: Sequence[Scores], *, asked: bool = False) -> pa.Table:
    """The rows of all groups."""
    return joined({one.group: one.table(asked=asked) for one in scores})


@torch.no_grad()
def encoded(trained: Trained, k: int, images: Tensor, *, deterministic: bool = False) -> Codes:
    """The posteriors of model k; of a deterministic autoencoder, whose variances nothing trains, the means alone."""
    model = trained.model.select([k])
    parts = [model.encode(batch) for batch in torch.split(images, IMAGES_AT_ONCE)]
    mu, logvar = (torch.cat([part[0] for part in column]) for column in zip(*parts, strict=True))
    return Codes(mu, None if deterministic else logvar)


def points_of(settings: str | None) -> int | None:
    """Of how many images a score is, by its settings as a table of scores has them; None of one that was refused."""
    return None if settings is None else json.loads(settings).get("points")


def told_share(scores: pa.Table) -> str | None:
    """That scores are of some of a test set's images, and what that changes; None where they are of all. Where not all
    are of as many images, they are named.
    """
    held: dict[tuple[int, int], list[str]] = {}
    rows = zip(scores["metric"].to_pylist(), scores["settings"].to_pylist(), strict=True)
    for metric, text in dict.fromkeys((metric, text) for metric, text in rows if text is not None):
        told = json.loads(text)
        if "points" in told:
            held.setdefault((told["points"], told.get("test_set", told["points"])), []).append(metric)
    some = {share: list(dict.fromkeys(names)) for share, names in sorted(held.items()) if share[0] < share[1]}
    if not some:
        return None
    if len(held) == 1:
        return few_of(*next(iter(some)))
    images = max(images for _, images in some)
    named = [
        f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} of {points}" for (points, _), names in some.items()
    ]
    return _few(" and ".join(named), images, "the log of their number")


def few_of(points: int, images: int) -> str:
    """What it changes that scores are of so many of a test set's images."""
    return _few(f"Scores are of {points}", images, f"log {points} = {math.log(points):.1f} nats")


def _few(scores_are_of: str, images: int, most: str) -> str:
    return (
        f"{scores_are_of} of the test set's {images} images, drawn without replacement. Of fewer images a code tells "
        f"less which one it is of, at most {most}; and where it confuses images, it tells the factors of fewer better: "
        f"such information tends to be lower of all {images}."
    )


def _with_settings(row: Mapping[str, Any], points: Mapping[str, int], data: str | None) -> dict[str, Any]:
    """A row whose settings also say of which points of which data it is, which a metric's own settings do not."""
    if row["settings"] is None:
        return dict(row)
    of_others = {} if data is None else {"data": data}
    return {**row, "settings": json.dumps(json.loads(row["settings"]) | points | of_others)}


def _axes(cell: Cell, axes: tuple[str, str]) -> dict[str, Any]:
    return {axes[0]: float(cell.bias), axes[1]: float(cell.strength), "seed": cell.seed}


def _has_value(entry: dict[str, Any]) -> bool:
    return any(row["value"] is not None for row in entry["rows"])


def _told(entry: dict[str, Any], weights: str) -> dict[str, Any]:
    """What a table has of a metric: what was measured before, where the last call refused these same weights."""
    before: dict[str, Any] | None = entry.get("before")
    return entry if before is None or before["key"]["weights"] != weights else before


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
