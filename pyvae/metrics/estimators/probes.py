"""Classifiers that learn a factor from a code, by name; what they are and how they are set is data."""

import importlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array, Index
from pyvae.metrics.estimators.extras import sklearn
from pyvae.metrics.estimators.information import kept_by
from pyvae.metrics.estimators.split import Split

# scikit-learn's trees compute in float32.
_LARGEST = float(np.finfo(np.float32).max)


class Judged(NamedTuple):
    """What a probe says of held-out rows: `scores` [T, C], larger for likelier ones of `classes` [C], which are the
    labels that occur where it learnt.
    """

    classes: Index
    scores: Array

    @property
    def predicted(self) -> Index:
        """Labels, [T]."""
        return np.asarray(self.classes[self.scores.argmax(1)])


@dataclass(frozen=True)
class Probe:
    """A classifier of scikit-learn and its settings; the others are that library's defaults."""

    module: str
    classifier: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    one_vs_rest: bool = False
    folds: int = 0
    is_seeded: bool = False

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        folds = f", {self.folds} folds" if self.folds else ""
        return f"{self.classifier}({settings}{folds})" + (", one-vs-rest" if self.one_vs_rest else "")

    def judge(self, train: Array, labels: Index, test: Array, seed: int) -> Judged:
        """Learns labels [N] from rows [N, D] and judges rows [T, D]."""
        classes, numbers = np.unique(labels, return_inverse=True)
        # Nothing to tell, nothing to tell it by, or too few rows to choose a penalty by folds.
        if len(classes) < 2 or not np.ptp(train, 0).any() or len(train) < 2 * self.folds:
            return Judged(classes, np.tile(np.bincount(numbers) / len(numbers), (len(test), 1)))
        with quietly():
            fitted = self.made(seed).fit(train.clip(-_LARGEST, _LARGEST), numbers)
            # Probabilities of a far row are 0 and 1: what a linear probe puts first is read off before they are.
            scores = self._scores(fitted, test.clip(-_LARGEST, _LARGEST))
        if len(fitted.classes_) < len(classes):  # a fold's own selection
            classes = classes[fitted.classes_]
        return Judged(classes, scores)

    def made(self, seed: int) -> Any:
        """The classifier of scikit-learn, not yet fitted."""
        settings = dict(self.settings)
        if self.folds:
            settings["cv"] = sklearn("model_selection").KFold(n_splits=self.folds)
        if self.is_seeded:
            settings["random_state"] = seed
        made = getattr(sklearn(self.module), self.classifier)(**settings)
        return sklearn("multiclass").OneVsRestClassifier(made) if self.one_vs_rest else made

    @staticmethod
    def _scores(fitted: Any, test: Array) -> Array:
        found: Array = np.nan_to_num(fitted.predict_proba(test))
        return found


@contextmanager
def quietly() -> Iterator[None]:
    """Without what scikit-learn says of classes with few rows, and of steps that could go on: settings name them."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """What is computed within has the same bits by any number of threads. It is no slower: steps take milliseconds."""
    sklearn("base")
    with importlib.import_module("threadpoolctl").threadpool_limits(1):  # which scikit-learn needs itself
        yield


# Steps: for 10 000 noisy codes of dSprites' factors no accuracy moves by more than 0.0005 from 60 on. Where classes can
# be told apart in full there is no best unpenalised probe, and more steps change nothing that is judged here.
PROBES: dict[str, Probe] = {
    "logistic_regression": Probe("linear_model", "LogisticRegression", {"C": np.inf, "max_iter": 60}),
    "logistic_regression_one_vs_rest": Probe(
        "linear_model", "LogisticRegression", {"C": np.inf, "max_iter": 60}, one_vs_rest=True
    ),
    "logistic_regression_penalised": Probe("linear_model", "LogisticRegression", {"C": 1.0}),
    "logistic_regression_penalised_one_vs_rest": Probe(
        "linear_model", "LogisticRegression", {"C": 1.0, "solver": "liblinear"}, one_vs_rest=True
    ),
    "logistic_regression_cv": Probe("linear_model", "LogisticRegressionCV", {"Cs": 10}, folds=5),
    "gradient_boosting": Probe("ensemble", "GradientBoostingClassifier", is_seeded=True),
    "histogram_boosting": Probe("ensemble", "HistGradientBoostingClassifier", {"max_iter": 20}, is_seeded=True),
}
"""By name. Logistic regression is multinomial where it does not say one-vs-rest."""


def probe_of(name: str) -> Probe:
    """The probe of this name, or ValueError."""
    if not isinstance(name, str) or name not in PROBES:
        raise ValueError(f"probe must be one of {', '.join(PROBES)}, got {name!r}.")
    return PROBES[name]


def judged(codes: Codes, split: Split, name: str, seed: int, *, scaled: bool = True) -> tuple[Judged, ...]:
    """What the probe says of each factor, from codes in standard deviations or as they are; once for a split."""
    probe = probe_of(name)

    def compute() -> tuple[Judged, ...]:
        train, test = split.standardised() if scaled else (split.train.codes, split.test.codes)
        with one_thread():
            return tuple(probe.judge(train, labels, test, seed) for labels in split.train.labels.T)

    if split.key is None:
        return compute()
    return kept_by(codes, split.factors, ("probe", name, seed, scaled, *split.key), compute)


def is_right(found: tuple[Judged, ...], split: Split) -> Array:
    """Which held-out rows are told right, [T, K]; a class that no probe has met is told wrong."""
    return np.stack([one.predicted == split.test.labels[:, k] for k, one in enumerate(found)], 1).astype(np.float64)


def absent(split: Split) -> dict[str, int]:
    """How many classes of each factor the held-out rows lack, of those that lack any."""
    counts = {
        name: size - len(np.unique(split.test.labels[:, k]))
        for k, (name, size) in enumerate(zip(split.factors.names, split.factors.sizes, strict=True))
    }
    return {name: count for name, count in counts.items() if count}
