"""The source's schedules at full length, and shorter ones."""

import pytest

from pyvae.losses import schedule_of
from pyvae.studies.schedules.runs import ANNEALED, FROM_100, FROM_10000, READ_OFF, RUNS, SOURCE_STEPS

FORMULAS = {
    ANNEALED: lambda t: min(10, t / 4000),
    FROM_100: lambda t: max(1, 100 - t / 400),
    FROM_10000: lambda t: max(1, 10_000 - t / 10),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_schedules_are_the_sources_at_its_length(name) -> None:
    run = RUNS[name]
    steps = run.steps(SOURCE_STEPS)
    assert steps == (125_000 if name == FROM_10000 else 50_000)
    schedule = schedule_of(run.schedule).within(steps)
    for t in (0, 1, 399, 20_000, 39_599, 39_600, 39_999, 40_000, 49_999, 99_989, 99_990, 124_999):
        if t < steps:
            assert run.end * schedule(t) == pytest.approx(FORMULAS[name](t), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_tenth_of_the_steps_has_a_tenth_of_the_schedule(name) -> None:
    run = RUNS[name]
    steps = run.steps(SOURCE_STEPS // 10)
    schedule = schedule_of(run.schedule).within(steps)
    for t in range(0, steps, 97):
        assert run.end * schedule(t) == pytest.approx(FORMULAS[name](10 * t), rel=1e-9)


def test_eight_runs_and_what_is_read_off_them() -> None:
    assert len(RUNS) == 4 and [run.end for run in RUNS.values()].count(None) == 1
    assert {group for group, _ in READ_OFF} <= set(RUNS)
