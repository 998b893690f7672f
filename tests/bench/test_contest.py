"""Rounds, medians and warm-ups, by a clock that evaluations move."""

import pytest

from pyvae.bench.contest import LONG_SECONDS, Contest, Timing
from pyvae.bench.forecast import Forecast
from tests.bench.fakes import FakeClock, case


def test_a_timing_is_median_fastest_and_rounds() -> None:
    assert Timing.of([5.0, 1.0, 3.0]) == Timing(median=3.0, fastest=1.0, rounds=3)


def test_every_round_runs_every_provider_once_and_medians_are_theirs() -> None:
    clock = FakeClock()
    # The first two calls are the warm-up, which is not reported.
    contest = Contest(
        {"pyvae": clock.evaluation("pyvae", 9, 1, 2, 4, 3), "eager": clock.evaluation("eager", 9, 1, 20, 30, 70)},
        {"pyvae": 0.0, "eager": 0.0},
        clock,
    )
    del clock.calls[:]
    contest.run(3)
    assert clock.calls == ["eager", "pyvae"] * 3
    # 9 s is beyond LONG_SECONDS: one warm-up call each, so that 1 s belongs to the first round.
    assert contest.timings() == {"pyvae": Timing(2, 1, 3), "eager": Timing(20, 1, 3)}


def test_what_is_expected_to_be_long_is_not_warmed_up_unless_it_compiles() -> None:
    clock = FakeClock()
    names = ("pyvae", "torch.compile")
    Contest({n: clock.evaluation(n, 10.0) for n in names}, dict.fromkeys(names, LONG_SECONDS + 1), clock)
    assert clock.calls == ["torch.compile"]


def test_short_evaluations_settle_before_they_are_timed() -> None:
    clock = FakeClock()
    contest = Contest({n: clock.evaluation(n, 0.001) for n in ("pyvae", "eager")}, None, clock)
    del clock.calls[:]
    contest.run(1)
    assert clock.calls == ["eager"] * 6 + ["pyvae"] * 6  # five of 1 ms settle, the sixth is timed
    assert contest.samples["eager"] == [pytest.approx(0.001)]


@pytest.mark.parametrize(("seconds", "rounds"), [(0.001, 50), (0.1, 20), (1.0, 3), (1.9, 3), (10.0, 1)])
def test_rounds_fit_the_budget(seconds: float, rounds: int) -> None:
    clock = FakeClock()
    contest = Contest({"pyvae": clock.evaluation("pyvae", seconds)}, None, clock)
    assert contest.rounds(budget=2.0, most=50) == rounds


def test_peers_are_timed_before_a_caller_times_pyvae() -> None:
    clock = FakeClock()
    contest = Contest({n: clock.evaluation(n, 1.0) for n in ("pyvae", "eager", "pykeops")}, None, clock)
    contest.time_peers()
    contest.ours()
    assert contest.samples == {"pyvae": [], "eager": [1.0], "pykeops": [1.0]} and set(contest.outputs) == {
        "pyvae",
        "eager",
        "pykeops",
    }


def test_a_forecast_scales_the_largest_case_known() -> None:
    forecast = Forecast()
    assert forecast(case(64), "eager") is None
    forecast.learn(case(1024), "eager", 2.0)
    forecast.learn(case(64), "eager", 1.0)  # smaller: mostly overhead, not taken in
    assert forecast(case(4096), "eager") == 32.0
    assert forecast(case(1024, latents=5), "eager") == 1.0
    assert forecast(case(4096, direction="forward"), "eager") is None and forecast(case(4096), "pykeops") is None


def test_a_peer_that_fails_is_left_out_with_what_it_raised() -> None:
    def no_compiler() -> tuple[()]:
        raise RuntimeError("no compiler\nlong trace")

    clock = FakeClock()
    contest = Contest({"pyvae": clock.evaluation("pyvae", 1.0), "torch.compile": no_compiler}, None, clock)
    contest.run(1)
    assert contest.failures == {"torch.compile": "failed with RuntimeError: no compiler"}
    assert set(contest.timings()) == {"pyvae"}
    with pytest.raises(RuntimeError, match="no compiler"):
        Contest({"pyvae": no_compiler}, None, clock)
