"""Intervals of batches know of the rows that batches share."""

from collections.abc import Callable

import numpy as np
import pytest

from pyvae.metrics import Factors
from pyvae.metrics.estimators.fixing import Batches, Encoded, GivenRows
from pyvae.metrics.estimators.influence import interval_of_pairs, interval_of_votes
from pyvae.metrics.estimators.proportions import wilson

ROWS = 1000
LABELS = np.stack([np.arange(ROWS) % 2, np.arange(ROWS) // 2 % 5], 1)
BITS = np.random.default_rng(1).permutation(np.repeat([0.0, 1.0], [ROWS * 3 // 5, ROWS * 2 // 5]))


def batches_of(source: GivenRows, batch: int, count: int, *, pairs: bool = False) -> Batches:
    rng = np.random.default_rng(0)
    factor = rng.integers(2, size=count)
    rows = (source.pairs if pairs else source.sharing)(factor, batch, rng)[-1]
    return Batches(factor, rows[:, :0].astype(float), rows)


def variance(interval: tuple[float, float]) -> float:
    return ((interval[1] - interval[0]) / 3.92) ** 2


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize(("batch", "error"), [(2, 0.1), (20, 0.2), (64, 0.45)])  # what so many batches leave open
def test_a_share_that_is_a_mean_over_rows_has_the_variance_of_that_mean(
    batch: int, error: float, replacement: bool
) -> None:
    """Right is a batch as often as its rows are 1: the share is that of such rows, of however many batches."""
    source = GivenRows(BITS[:, None], Factors(LABELS), replacement=replacement)
    for of, pairs in ((interval_of_votes, False), (interval_of_pairs, True)):
        found = batches_of(source, batch, 40_000, pairs=pairs)
        right = np.random.default_rng(2).random(40_000) < BITS[found.rows].mean(1)
        assert variance(of(source, found, right)) == pytest.approx(0.24 / ROWS + 0.24 / 40_000, rel=error)


@pytest.mark.parametrize("of", [interval_of_votes, interval_of_pairs], ids=["votes", "pairs"])
def test_how_often_a_value_is_counts(of: Callable[..., tuple[float, float]]) -> None:
    """Right is what has the first factor's value 1, which half of the rows have."""
    source = GivenRows(BITS[:, None], Factors(LABELS))
    found = batches_of(source, 4, 40_000, pairs=of is interval_of_pairs)
    right = LABELS[found.rows[:, 0], 0] == 1
    assert variance(of(source, found, right)) == pytest.approx(0.25 / ROWS, rel=0.25)


def test_few_rows_of_a_value_count_as_one_batch_each() -> None:
    """Of 20 rows batches of 64 are the same: all that is known is one outcome for each value."""
    labels = np.arange(100) % 5
    source = GivenRows(np.zeros((100, 1)), Factors(labels))
    rows = source.sharing(np.zeros(5000, dtype=np.int64), 64, np.random.default_rng(0))[1]
    votes = Batches(np.zeros(5000, dtype=np.int64), np.zeros((5000, 0)), rows)
    right = np.random.default_rng(2).random(5000) < 0.5
    assert variance(interval_of_votes(source, votes, right)) == pytest.approx(0.25 / 5, rel=0.45)  # Wilson's is less


def test_batches_of_their_own_are_independent_trials() -> None:
    right = np.arange(500) % 4 == 0
    alone = Batches(np.zeros(500, dtype=np.int64), np.zeros((500, 0)), None)
    source = Encoded.__new__(Encoded)
    for of in (interval_of_votes, interval_of_pairs):
        assert of(source, alone, right) == wilson(0.25, 500)
        assert of(source, alone, np.ones(500, dtype=bool)) == wilson(1.0, 500)
