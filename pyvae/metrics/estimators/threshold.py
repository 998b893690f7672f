"""Linear support vector machines of one number, all classes at once.

One against the rest, squared hinge loss, the offset penalised like the weight: the problem of scikit-learn's LinearSVC,

    w^2 / 2 + b^2 / 2 + sum_i c_i max(0, 1 - y_i (w x_i + b))^2

Rows with a loss lie on one side of a number, for y = 1 and for y = -1. So all that a Newton step needs of them is their
count and the sums of x and x^2, which two searches in sorted rows find: a step costs the same for any number of rows.
"""

from typing import NamedTuple

import numpy as np

from pyvae.metrics.estimators.columns import ROUNDING, Array, Index

STEPS, HALVINGS = 100, 20
# Of the gradient's norm beside that at 0, squared: far below what moves an accuracy.
TOLERANCE = 1e-16
# Of a code's spread, for its penalty: a weight in such units is infinitely dear, and its square still a number.
SMALLEST = 1e-100


class Lines(NamedTuple):
    """Scores w x + b of C classes, `weight` [C] and `offset` [C], of x less `centre` in units of `scale`."""

    weight: Array
    offset: Array
    centre: float
    scale: float

    def predict(self, x: Array) -> Index:
        """The class with the largest score, [N]."""
        unit = x / self.scale - self.centre
        return np.asarray((unit[:, None] * self.weight + self.offset).argmax(1))


class _Sides:
    """Rows in order of x; sums of those of each class, and of all, on one side of a number."""

    def __init__(self, x: Array, labels: Index, classes: int) -> None:
        order = np.argsort(x, kind="stable")
        self.rows, self.x = len(x), x[order]
        self.sums = _running(self.x)
        # By class and then by x: a row's key is its class and its place among all.
        place = np.arange(self.rows)
        by_class = np.argsort(labels[order], kind="stable")
        self.key = labels[order][by_class] * (self.rows + 1) + place[by_class]
        self.own = _running(self.x[by_class])
        self.first = np.arange(classes) * (self.rows + 1)
        self.start = np.searchsorted(self.key, self.first)
        self.stop = np.searchsorted(self.key, self.first + self.rows + 1)

    def active(self, weight: Array, offset: Array) -> tuple[Array, Array]:
        """Count and sums of x and x^2 [C, 3] of a class's rows with w x + b < 1, and of the others with > -1."""
        mine = self._of_class(*self._range(weight, offset, 1.0))
        low, high = self._range(-weight, -offset, 1.0)
        return mine, self.sums[high] - self.sums[low] - self._of_class(low, high)

    def _range(self, weight: Array, offset: Array, level: float) -> tuple[Index, Index]:
        """Where w x + b < level among all rows, from and up to."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            edge = (level - offset) / weight
        whole = np.where(offset < level, self.rows, 0)  # with no slope all rows are on one side
        below = np.searchsorted(self.x, np.where(weight == 0, 0.0, edge), side="left")
        above = np.searchsorted(self.x, np.where(weight == 0, 0.0, edge), side="right")
        low = np.where(weight < 0, above, 0)
        high = np.where(weight > 0, below, np.where(weight < 0, self.rows, whole))
        return low, high

    def _of_class(self, low: Index, high: Index) -> Array:
        first, last = (np.searchsorted(self.key, self.first + place) for place in (low, high))
        return self.own[np.clip(last, self.start, self.stop)] - self.own[np.clip(first, self.start, self.stop)]


def _running(x: Array) -> Array:
    terms = np.stack([np.ones_like(x), x, x * x], 1)
    return np.concatenate([np.zeros((1, 3)), terms.cumsum(0)])


class _Problem:
    """The loss of every class with its derivatives in (weight, offset) of standardised x."""

    def __init__(self, x: Array, labels: Index, classes: int, penalty: float) -> None:
        peak = float(np.abs(x).max()) or 1.0
        unit = x / peak
        spread = float(unit.std())
        self.scale = peak * spread if spread > ROUNDING else peak
        self.slope = 1 / max(self.scale, SMALLEST)
        self.centre = float(unit.mean()) * peak / self.scale
        self.sides = _Sides(x / self.scale - self.centre, labels, classes)
        counts = np.bincount(labels, minlength=classes)
        balanced = penalty * len(x) / (classes * np.maximum(counts, 1))
        # One against one is a single problem in that library, and both of its sides are weighed.
        self.costs = balanced, (balanced[::-1] if classes == 2 else np.full(classes, penalty))

    def at(self, weight: Array, offset: Array) -> tuple[Array, Array, Array]:
        """Loss [C], gradient [C, 2] and curvature [C, 3] (weight twice, both, offset twice)."""
        mine, others = self.sides.active(weight, offset)
        loss, gradient, curvature = self._penalty(weight, offset)
        for sign, sums, cost in zip((1.0, -1.0), (mine, others), self.costs, strict=True):
            n, first, second = sums.T
            slack = sign - offset  # y - b; the slack of a row is y (y - b - w x)
            loss = loss + cost * (n * slack**2 - 2 * slack * weight * first + weight**2 * second)
            down = np.stack([slack * first - weight * second, slack * n - weight * first], 1)
            gradient = gradient - 2 * cost[:, None] * down
            curvature = curvature + 2 * cost[:, None] * np.stack([second, first, n], 1)
        return loss, gradient, curvature

    def _penalty(self, weight: Array, offset: Array) -> tuple[Array, Array, Array]:
        """Of w and b of x itself: w = weight / scale, b = offset - weight centre."""
        slope, centre = self.slope, self.centre
        level = offset - weight * centre
        loss = (np.square(weight * slope) + np.square(level)) / 2
        gradient = np.stack([weight * slope * slope - centre * level, level], 1)
        return loss, gradient, np.broadcast_to([slope * slope + centre * centre, -centre, 1.0], (len(weight), 3))


def fit_lines(x: Array, labels: Index, classes: int, penalty: float = 0.01) -> Lines:
    """Machines of x [N] for each of the classes 0 to C - 1, with class weights that balance them.

    `penalty` is LinearSVC's C. The two problems of two classes mirror each other.
    """
    problem = _Problem(x, labels, classes, penalty)
    at = np.zeros((2, classes))
    loss, gradient, curvature = problem.at(*at)
    enough = TOLERANCE * np.square(gradient).sum(1)
    is_open = np.ones(classes, dtype=bool)
    for _ in range(STEPS):
        is_open &= np.square(gradient).sum(1) > enough
        if not is_open.any():
            break
        step = _newton(gradient, curvature) * is_open
        before = loss
        at, (loss, gradient, curvature) = _descend(problem, at, loss, step, (step * gradient.T).sum(0))
        is_open &= loss < before  # what rounding leaves of a gradient may stay above `enough`
    return Lines(at[0], at[1], problem.centre, problem.scale)


def _descend(
    problem: _Problem, at: Array, loss: Array, step: Array, slope: Array
) -> tuple[Array, tuple[Array, Array, Array]]:
    """The point after each class's step, halved until its loss falls enough, and the derivatives there."""
    length = np.ones(len(loss))
    for _ in range(HALVINGS):
        tried = at - length * step
        found = problem.at(*tried)
        is_worse = found[0] > loss - 1e-4 * length * slope
        if not is_worse.any():
            break
        length = np.where(is_worse, length / 2, length)
    kept = found[0] <= loss
    return (tried, found) if kept.all() else _kept(problem, np.where(kept, tried, at))


def _kept(problem: _Problem, at: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    return at, problem.at(*at)


def _newton(gradient: Array, curvature: Array) -> Array:
    """The step [2, C]: curvature is positive definite, since the penalty's is."""
    (a, b, c), (g, h) = curvature.T, gradient.T
    determinant = np.maximum(a * c - b * b, 1e-300)
    return np.asarray(np.stack([c * g - b * h, a * h - b * g]) / determinant)
