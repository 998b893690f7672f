"""Rows that a probe learns from, and rows that judge it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array, Index, alike
from pyvae.metrics.estimators.information import kept_by
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.factors import Factors, factors_of

TRAIN, TEST = 10_000, 5_000
"""Rows of each part, at most; of fewer rows two thirds are learnt from."""
Test = tuple[Codes | Rows, Factors | Labels]


@dataclass(frozen=True)
class Part:
    """`codes` [N, D], `labels` [N, K] from 0 among the values of both parts, `values` [N, K] as given."""

    codes: Array
    labels: Index
    values: Array

    def take(self, rows: Index) -> "Part":
        """Some of the rows."""
        return Part(self.codes[rows], self.labels[rows], self.values[rows])

    def as_codes(self) -> "Part":
        """The factors themselves as codes: a perfect code."""
        return Part(self.values, self.labels, self.values)

    @property
    def most_common(self) -> Index:
        """Of each factor, [K]."""
        return np.array([np.bincount(column).argmax() for column in self.labels.T])


@dataclass(frozen=True)
class Split:
    """Two parts of the rows, and the factors of both."""

    train: Part
    test: Part
    factors: Factors
    settings: dict[str, Any]
    key: tuple[int, ...] | None = None
    """Tells it from the others of the same codes and factors; None of given rows."""

    def standardised(self) -> tuple[Array, Array]:
        """The codes of both parts in standard deviations of the training part; a latent that is constant there is 0."""
        return alike(self.train.codes, self.test.codes)

    def targets(self) -> tuple[Array, Array, Index]:
        """What least squares are to predict in both parts, [N, C] and [T, C], and the first column of each factor [K].

        An amount in standard deviations of the training part, or an indicator of each value of a nominal factor.
        """
        columns = [self._targets(k) for k in range(self.factors.count)]
        train, test = (np.concatenate(parts, 1) for parts in zip(*columns, strict=True))
        return train, test, np.cumsum([0, *(part.shape[1] for part, _ in columns[:-1])])

    def _targets(self, k: int) -> tuple[Array, Array]:
        if k not in self.factors.nominal:
            return alike(self.train.values[:, k : k + 1], self.test.values[:, k : k + 1])
        kinds = np.eye(self.factors.sizes[k])
        return kinds[self.train.labels[:, k]], kinds[self.test.labels[:, k]]

    def learning_from(self, rows: Index) -> "Split":
        """The same with some of the rows to learn from."""
        return Split(self.train.take(rows), self.test, self.factors, {**self.settings, "train": len(rows)})


def split_of(
    codes: Codes | Rows | AggregatePosterior, factors: Factors | Labels, test: Test | None, seed: int
) -> Split:
    """A third of the rows is held out, drawn by the seed; or `test` has rows of its own, and all `codes` are learnt.

    Of more than 15 000 rows as many are drawn.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for fewer than two points, for a factor with one value,
            and for a test part with other latents or factors.
    """
    found = codes_of(codes)
    about = factors_of(factors, len(found))
    seed = check_seed(seed)
    if test is not None:
        return _given(found.means, about, test)
    return kept_by(found, about, ("split", seed), lambda: _drawn(found.means, about, seed))


def _drawn(codes: Array, factors: Factors, seed: int) -> Split:
    count = len(codes)
    if count < 2:
        raise ValueError("codes must hold at least 2 points, one of them to be held out, got 1.")
    factors.check_varied()
    used = min(count, TRAIN + TEST)
    fit = used - max(1, used // 3)
    order = np.random.default_rng(seed).permutation(count)
    train, test = (
        Part(codes[rows], factors.labels[rows], factors.values[rows]) for rows in (order[:fit], order[fit:used])
    )
    settings = {"held out": "drawn by the seed", "train": fit, "test": used - fit, "seed": seed}
    return Split(train, test, factors, settings, (seed, fit))


def _given(codes: Array, factors: Factors, test: Test) -> Split:
    if not isinstance(test, tuple) or len(test) != 2:
        raise TypeError(f"test must be a pair (codes, factors), got {type(test).__name__}.")
    other = codes_of(test[0]).means
    values = factors_of(test[1], len(other)).values
    if other.shape[1] != codes.shape[1] or values.shape[1] != factors.count:
        raise ValueError(
            f"test must have {codes.shape[1]} latents and {factors.count} factors as codes and factors have, "
            f"got {other.shape[1]} and {values.shape[1]}."
        )
    # Numbered together, so that a class has the same number in both parts.
    both = Factors(np.concatenate([factors.values, values]), factors.names, factors.nominal)
    both.check_varied()
    cut = len(codes)
    train = Part(codes, both.labels[:cut], both.values[:cut])
    held_out = Part(other, both.labels[cut:], both.values[cut:])
    return Split(train, held_out, both, {"held out": "given", "train": cut, "test": len(other)})
