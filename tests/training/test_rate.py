"""A rate that one slow moment does not upset."""

import pytest

from pyvae.training.rate import Rate


def test_a_steady_rate_is_told_from_the_first_moment() -> None:
    rate = Rate(60.0, now=100.0)
    assert rate.per_second is None
    for second in range(1, 5):
        rate.add(7.0, now=100.0 + second)
        assert rate.per_second == pytest.approx(7.0)


def test_a_slow_moment_moves_it_little_and_a_lasting_change_wholly() -> None:
    rate = Rate(60.0, now=0.0)
    for second in range(1, 121):
        rate.add(100.0, now=second)
    rate.add(25.0, now=121.0)
    assert rate.per_second == pytest.approx(100.0, rel=0.02)
    for second in range(122, 600):
        rate.add(25.0, now=second)
    assert rate.per_second == pytest.approx(25.0, rel=0.01)
