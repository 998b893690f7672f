"""Bins of equal width."""

import numpy as np

from pyvae.metrics.estimators.equal_width import equal_width


def test_bins_are_the_library_s() -> None:
    for column in (np.random.default_rng(0).normal(size=1000), np.arange(41.0) / 10, -np.arange(41.0) / 10):
        assert (equal_width(column, 20) == np.digitize(column, np.histogram(column, 20)[1][:-1]) - 1).all()


def test_no_scale_breaks_them() -> None:
    column = np.linspace(-1, 1, 50)
    for scale in (1e-310, 1e-150, 1e150, 1.7e308):
        assert len(np.unique(equal_width(column * scale, 20))) == 20
    assert not equal_width(np.full(5, 7.0), 20).any() and not equal_width(1 + 1e-16 * column, 20).any()
