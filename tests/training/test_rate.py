"""A rate that one slow moment does not upset."""

import io
import time

import pytest
from rich.console import Console

from pyvae.training.progress import TrainingProgress
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


def test_steps_that_come_several_at_a_time_all_count(monkeypatch) -> None:
    now, out = [0.0], io.StringIO()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with TrainingProgress(Console(file=out)) as progress:
        progress.start(models=3, steps=200, step=20)
        for step in (60, 100):
            now[0] += 20.0
            progress.advance(step, 3, None)
    assert "6 model-steps/s  0.8 min left" in out.getvalue()  # 40 steps of 3 models in 20 s; 300 model-steps to go
