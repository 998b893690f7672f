"""Bins with as many points each, around values that fill a bin's share alone."""

import numpy as np

from pyvae.metrics.estimators.equal_shares import equal_shares, ordered_shares


def test_bins_have_equal_shares_and_fewer_values_have_one_each() -> None:
    column = np.random.default_rng(0).normal(size=1000)
    for shares in (equal_shares, ordered_shares):
        assert set(np.bincount(shares(column, 20))) == {50}
    assert equal_shares(np.array([5.0, 2.0, 5.0, 9.0]), 20).tolist() == [1, 0, 1, 2]


def test_a_bin_on_both_sides_of_an_atom_is_one_or_in_order_two() -> None:
    column = np.concatenate([-np.arange(1.0, 101), np.zeros(300), np.arange(1.0, 101)])
    one, two = equal_shares(column, 4), ordered_shares(column, 4)
    assert sorted(np.bincount(one)) == [66, 67, 67, 300] and one[0] == one[-100] != one[100]
    assert len(np.bincount(two)) == 5 and (np.diff(two[np.argsort(column)]) >= 0).all()
    assert set(two[100:400]) == {2}
