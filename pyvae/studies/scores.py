"""What metrics say of a run's models: measured one model and one metric after the other, each kept once it is done.

Each model has a file of its own under metrics/ in the run's folder, written anew after every metric: what dies at any
time loses the metric in work only.
"""

import hashlib
import json
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
from pyvae.metrics.evaluate import outcome_of, schema
from pyvae.studies.errors import StudyError
from pyvae.studies.run import joined
from pyvae.training import Recipe, Trained
from pyvae.training.cells import Cell

PARTS = "metrics"
IMAGES_AT_ONCE = 2048
Part = dict[str, dict[str, Any]]
"""What is known of one model: for each metric its `key`, what was evaluated and how, and its `rows`."""
Next = Callable[["Scores", int, Metric], None]
"""Told before a metric of model k is measured; raises Interrupted where that shall stop."""


@dataclass(frozen=True)
class How:
    """What every model of a call is measured by."""

    metrics: Sequence[Metric]
    protocol: Protocol = "paper"
    seed: int = 0
    points: int = 10_000
    data: str | None = None
    """Another data set than the models' own, in words."""
    place: str = PARTS
    """Folder of what is known, in the run's: another data set has another."""

    def key(self, metric: Metric, weights: str) -> dict[str, Any]:
        """All that a number depends on, as JSON gives it back; one of another key is measured again."""
        defaults = {name: str(setting) for name, setting in metric.defaults.items()}
        asked = {"protocol": self.protocol, "seed": self.seed, "points": self.points}
        of_others = {} if self.data is None else {"data": self.data}
        return {"weights": weights, "version": pyvae.__version__, "defaults": defaults, **asked, **of_others}


class Points:
    """Points of a data set's test set, the same for all models that are measured on them."""

    def __init__(self, data: DataSet, how: How) -> None:
        truth = data.test_factors()
        drawn = np.random.default_rng(how.seed).permutation(len(truth))[: how.points]
        rows = torch.from_numpy(np.sort(drawn))
        self.images: Tensor = data.test_images(rows)
        self.factors: Factors | None = None
        """As metrics take them; None of data without factors."""
        if data.factors:
            names = [factor.name for factor in data.factors]
            nominal = [factor.name for factor in data.factors if factor.nominal]
            self.factors = Factors(data.labels()[rows], names, nominal)

    def __len__(self) -> int:
        return len(self.images)


class Scores:
    """What is known of the models of one group, and how what is not yet is found out."""

    def __init__(self, out: Path, group: str, recipe: Recipe, trained: Trained, how: How) -> None:
        self.folder, self.group, self.recipe, self.trained, self.how = (
            out / how.place / group,
            group,
            recipe,
            trained,
            how,
        )
        self.weights = [_digest(trained, k) for k in range(len(trained.cells))]
        remove_stale_temporaries(self.folder)
        self.parts = [_read(self._path(cell)) for cell in trained.cells]

    def open(self, k: int) -> list[Metric]:
        """The metrics of model k that are not known."""
        part, weights = self.parts[k], self.weights[k]
        return [one for one in self.how.metrics if part.get(one.name, {}).get("key") != self.how.key(one, weights)]

    def measure(self, points: Points, tell: Next = lambda scores, k, metric: None) -> None:
        """Every pair of model and metric that is not known yet."""
        for k in range(len(self.parts)):
            names = self.open(k)
            codes = encoded(self.trained, k, points.images) if names else None
            for metric in names:
                assert codes is not None
                tell(self, k, metric)
                self._measure(k, metric, codes, points)

    def named(self, k: int) -> str:
        """Model k in words."""
        cell = self.recipe.named(self.trained.cells[k])
        return f"{self.group}, {cell}" if self.group else cell

    def table(self, *, asked: bool = False) -> pa.Table:
        """All that is known of the models as they are, also of earlier calls, or what this one `asked` for alone: a row
        for each part of a metric.
        """
        keys = {metric.name: metric for metric in self.how.metrics}
        rows = [
            {**_axes(cell, self.recipe.axes), **row}
            for cell, part, weights in zip(self.trained.cells, self.parts, self.weights, strict=True)
            for name, entry in sorted(part.items())
            if entry["key"]["weights"] == weights
            and (not asked or (name in keys and entry["key"] == self.how.key(keys[name], weights)))
            for row in entry["rows"]
        ]
        bias, strength = self.recipe.axes
        columns = [(bias, pa.float64()), (strength, pa.float64()), ("seed", pa.int64()), *schema()]
        return pa.Table.from_pylist(rows, schema=pa.schema(columns))

    def _measure(self, k: int, metric: Metric, codes: Codes, points: Points) -> None:
        outcome = outcome_of(metric, codes, points.factors, protocol=self.how.protocol, seed=self.how.seed)
        key = self.how.key(metric, self.weights[k])
        rows = [_with_points(row, len(points), self.how.data) for row in outcome.rows(metric.name)]
        self.parts[k][metric.name] = {"key": key, "rows": rows}
        atomic_write_text(self._path(self.trained.cells[k]), json.dumps(self.parts[k], indent=1))

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.bias!r}_{cell.strength!r}_{cell.seed}.json"


def table_of(scores: Sequence[Scores], *, asked: bool = False) -> pa.Table:
    """The rows of all groups."""
    return joined({one.group: one.table(asked=asked) for one in scores})


@torch.no_grad()
def encoded(trained: Trained, k: int, images: Tensor) -> Codes:
    """The posteriors of model k."""
    model = trained.model.select([k])
    parts = [model.encode(batch) for batch in torch.split(images, IMAGES_AT_ONCE)]
    return Codes(torch.cat([mu[0] for mu, _ in parts]), torch.cat([logvar[0] for _, logvar in parts]))


def _with_points(row: Mapping[str, Any], points: int, data: str | None) -> dict[str, Any]:
    """A row whose settings say of how many points of what it is, which a metric's own settings do not."""
    if row["settings"] is None:
        return dict(row)
    of = {"points": points} | ({} if data is None else {"data": data})
    return {**row, "settings": json.dumps(json.loads(row["settings"]) | of)}


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
