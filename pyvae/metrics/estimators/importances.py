"""How much a probe of a factor uses each latent, by name of the probe; what they are and how they are set is data.

A tree's importance of a latent is what its splits take from the Gini impurity 1 - sum_c p_c^2 of the training rows
(Breiman et al. 1984). As a row with class y leaves a node with shares p for a child with shares q, it gains

    2 q_y - sum_c q_c^2 - (2 p_y - sum_c p_c^2),

whose mean over rows is the decrease, and which is the row's influence on it: so the bootstrap over rows has its terms.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pyvae.metrics.estimators.columns import Array, Index
from pyvae.metrics.estimators.extras import sklearn
from pyvae.metrics.estimators.probes import PROBES, Judged, one_thread, quietly

LEAF = 0.01
"""The least share of the rows in a leaf: without one, noise is as important as it is to gradient boosting of few rows;
with more, less so. benchmarks/metrics/probes.py compares the two.
"""


class Used(NamedTuple):
    """`importance` [D], at least 0; what the probe says of held-out rows; and of training rows the terms [N, D] whose
    mean the importance is, if it has such.
    """

    importance: Array
    judged: Judged
    terms: Array | None


@dataclass(frozen=True)
class ImportanceProbe:
    """`fit(train, labels, test, seed)` of one factor, and what it says of itself."""

    said: str
    fit: Callable[[Array, Index, Array, int], Used]


def importances(name: str, train: Array, labels: Index, test: Array, seed: int) -> list[Used]:
    """Of each factor of labels [N, K]; factors are learnt side by side, and the same by any number of threads."""
    if not isinstance(name, str) or name not in IMPORTANCES:
        raise ValueError(f"probe must be one of {', '.join(IMPORTANCES)}, got {name!r}.")
    fit = IMPORTANCES[name].fit
    with one_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda column: fit(train, column, test, seed), labels.T))


def _tree(train: Array, labels: Index, test: Array, seed: int) -> Used:
    """A tree sees the order of values alone: ranks keep those apart that float32 would not."""
    classes, numbers = np.unique(labels, return_inverse=True)
    rows, unseen = _ranks(train, test)
    grown = _grow(rows, numbers, seed)
    terms = grown.gains(rows, numbers)
    return Used(np.maximum(terms.mean(0), 0.0), Judged(classes, grown.shares[grown.leaves(unseen)]), terms)


class _Tree(NamedTuple):
    """Nodes [n]: the latent and value that each is split by, its children (-1 of a leaf), shares of classes [n, C]."""

    latent: Index
    value: Array
    left: Index
    right: Index
    shares: Array

    def leaves(self, rows: Array) -> Index:
        """The leaf of each row, [N]."""
        at = np.zeros(len(rows), dtype=np.int64)
        for moved, _, child in self._steps(rows):
            at[moved] = child
        return at

    def gains(self, rows: Array, labels: Index) -> Array:
        """What each row with its label gains by the splits of each latent, [N, D]."""
        worth = 2 * self.shares - np.square(self.shares).sum(1, keepdims=True)
        out = np.zeros(rows.shape)
        for moved, parent, child in self._steps(rows):
            out[moved, self.latent[parent]] += worth[child, labels[moved]] - worth[parent, labels[moved]]
        return out

    def _steps(self, rows: Array) -> Any:
        """Level by level: which rows move, from which node, to which."""
        moved, at = np.arange(len(rows)), np.zeros(len(rows), dtype=np.int64)
        while True:
            inner = self.left[at] >= 0
            moved, at = moved[inner], at[inner]
            if not len(moved):
                return
            goes_left = rows[moved, self.latent[at]] <= self.value[at]
            child = np.where(goes_left, self.left[at], self.right[at])
            yield moved, at, child
            at = child


def _grow(rows: Array, labels: Index, seed: int) -> _Tree:
    with quietly():
        made = sklearn("tree").DecisionTreeClassifier(min_samples_leaf=LEAF, random_state=seed)  # the seed parts ties
        tree = made.fit(rows, labels).tree_
    left, right = (side.astype(np.int64) for side in (tree.children_left, tree.children_right))
    shares = tree.value[:, 0, :] / tree.value[:, 0, :].sum(1, keepdims=True)
    return _Tree(tree.feature.astype(np.int64), tree.threshold, left, right, shares)


def _ranks(train: Array, test: Array) -> tuple[Array, Array]:
    """Numbers of the values of each latent among those in training, and where those of the other rows lie between."""
    first, second = np.empty(train.shape), np.empty(test.shape)
    for d, column in enumerate(train.T):
        values, numbers = np.unique(column, return_inverse=True)
        first[:, d] = numbers
        above = np.searchsorted(values, test[:, d])  # the nearer neighbour stands for what lies between two
        below = np.maximum(above - 1, 0)
        above = np.minimum(above, len(values) - 1)
        is_nearer_above = values[above] / 2 - test[:, d] / 2 < test[:, d] / 2 - values[below] / 2
        second[:, d] = np.where(is_nearer_above, above, below)
    return first, second


def _boosting(train: Array, labels: Index, test: Array, seed: int) -> Used:
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2 or not np.ptp(train, 0).any():
        return Used(np.zeros(train.shape[1]), PROBES["gradient_boosting"].judge(train, labels, test, seed), None)
    limit = float(np.finfo(np.float32).max)
    with quietly():
        fitted = PROBES["gradient_boosting"].made(seed).fit(train.clip(-limit, limit), numbers)
        shares = np.nan_to_num(fitted.predict_proba(test.clip(-limit, limit)))
    return Used(np.abs(np.nan_to_num(fitted.feature_importances_)), Judged(classes, shares), None)


IMPORTANCES: dict[str, ImportanceProbe] = {
    "tree": ImportanceProbe(f"DecisionTreeClassifier(gini, min_samples_leaf={LEAF})", _tree),
    "gradient_boosting": ImportanceProbe(str(PROBES["gradient_boosting"]), _boosting),
}
