"""Which rows are learnt from, and what is to be predicted of them."""

import numpy as np
import pytest

from pyvae.metrics import Codes, Factors
from pyvae.metrics.estimators.split import TEST, TRAIN, split_of

CODES = np.random.default_rng(0).normal(size=(300, 3))
LABELS = np.random.default_rng(1).integers(4, size=(300, 2))


def test_a_third_is_held_out_by_the_seed_and_once_for_all_scores() -> None:
    codes, factors = Codes(CODES), Factors(LABELS)
    split = split_of(codes, factors, None, 3)
    assert (len(split.train.codes), len(split.test.codes)) == (200, 100)
    rows = np.concatenate([split.train.codes, split.test.codes])
    assert np.array_equal(np.sort(rows, 0), np.sort(CODES, 0)) and not np.array_equal(rows, CODES)
    assert split_of(codes, factors, None, 3) is split
    assert not np.array_equal(split_of(codes, factors, None, 4).train.codes, split.train.codes)


def test_of_many_rows_as_many_as_the_library_has_are_drawn() -> None:
    many = np.arange(40_000.0)[:, None]
    split = split_of(many, many[:, 0] % 7, None, 0)
    assert (len(split.train.codes), len(split.test.codes)) == (TRAIN, TEST)
    assert split.test.codes.mean() == pytest.approx(20_000, rel=0.03)


def test_given_rows_have_numbers_for_their_values_in_common() -> None:
    split = split_of(CODES[:2], np.array([5, 7]), (CODES[2:4], np.array([9, 7])), 0)
    assert split.train.labels.ravel().tolist() == [0, 1] and split.test.labels.ravel().tolist() == [2, 1]
    with pytest.raises(TypeError, match=r"^test must be a pair \(codes, factors\), got ndarray\.$"):
        split_of(CODES, LABELS, CODES, 0)


def test_least_squares_predict_amounts_and_an_indicator_of_each_kind() -> None:
    factors = Factors(np.stack([np.arange(300.0), LABELS[:, 0]], 1), nominal=[1])
    train, test, starts = split_of(CODES, factors, None, 0).targets()
    assert train.shape == (200, 5) and test.shape == (100, 5) and starts.tolist() == [0, 1]
    assert train[:, 0].std() == pytest.approx(1) and set(train[:, 1:].sum(1)) == {1}
