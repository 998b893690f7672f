"""Who takes part in a row and who is left out, with made-up providers."""

from dataclasses import replace

import pytest

from pyvae.bench import memory
from pyvae.bench.engine import FULL, QUICK, Engine
from tests.bench.fakes import CEILINGS, FakeClock, case

EFFORT = replace(FULL, budget_seconds=1e-3, most_rounds=1)


def engine(values: dict[str, float], peaks: dict[str, int | str] | None = None, effort=EFFORT) -> Engine:
    """An engine whose providers return these values and have these peaks; a text is a probe's failure."""
    clock = FakeClock()

    def probe(case, provider: str, threads: int, limit: int) -> int:
        peak = (peaks or {}).get(provider, 1000)
        if isinstance(peak, str):
            raise memory.ProbeError(peak)
        return peak

    return Engine(
        CEILINGS,
        effort,
        providers=lambda case: list(values),
        build=lambda provider, case: clock.evaluation(provider, 1e-3, value=values[provider]),
        probe=probe,
        clock=clock,
    )


def test_a_row_holds_times_memory_and_the_share_of_a_ceiling() -> None:
    row = engine({"pyvae": 1.0, "eager": 1.0}, {"eager": 5000}).measure(case(64))
    assert set(row.timings) == {"pyvae", "eager"} and row.notes == {} and not row.disagrees
    assert row.peak_bytes == {"pyvae": 1000, "eager": 5000}
    assert row.timings["pyvae"].median == pytest.approx(1e-3) and row.ratio("eager") == pytest.approx(1)
    assert row.ceiling == "fma" and row.share == pytest.approx(64 * 64 * 10 * (9 + 15) / 1e-3 / 1e11)


@pytest.mark.parametrize("value", [1.01, float("nan"), float("inf")])
def test_a_row_whose_providers_disagree_has_no_times(value: float) -> None:
    row = engine({"pyvae": 1.0, "eager": 1.0, "pykeops": value}).measure(case(64))
    assert row.disagrees and row.timings == {} and row.share is None
    assert list(row.notes) == ["pykeops"] and "differs from pyvae's" in row.notes["pykeops"]


def test_rounding_is_no_disagreement() -> None:
    assert not engine({"pyvae": 1.0, "eager": 1.0001}).measure(case(64)).disagrees


def test_a_peer_that_would_need_too_much_memory_is_left_out_with_a_note() -> None:
    measuring = engine({"pyvae": 1.0, "eager": 1.0}, {"pyvae": 10**8, "eager": 10**8})
    measuring.measure(case(1024))
    row = measuring.measure(case(16384))
    assert set(row.timings) == {"pyvae"} and row.notes == {"eager": "would need about 26 GB"}


def test_a_peer_that_fails_its_memory_probe_is_left_out_with_the_reason() -> None:
    row = engine({"pyvae": 1.0, "eager": 1.0}, {"eager": "needs more than 8.0 GB"}).measure(case(64))
    assert set(row.timings) == {"pyvae"} and row.notes == {"eager": "needs more than 8.0 GB"}


def test_who_would_take_too_long_is_left_out_and_without_pyvae_there_is_no_contest() -> None:
    measuring = engine({"pyvae": 1.0, "eager": 1.0}, effort=replace(EFFORT, peer_seconds=0.0))
    measuring.measure(case(64))
    row = measuring.measure(case(65536))
    assert row.timings == {}
    assert row.notes == {"pyvae": "would take about 1049 s", "eager": "would take about 1049 s"}


def test_a_measured_row_teaches_a_resumed_run() -> None:
    row = engine({"pyvae": 1.0, "eager": 1.0}, {"eager": 10**8}).measure(case(1024))
    resumed = engine({"pyvae": 1.0, "eager": 1.0}, {"eager": 10**8})
    resumed.learn(row)
    assert resumed.enter(case(16384)).notes == {"eager": "would need about 26 GB"}


def test_the_two_minute_version_probes_the_backward_of_the_density_alone() -> None:
    assert QUICK.wants_memory(case(64)) and not QUICK.wants_memory(case(64, direction="forward"))
    assert not QUICK.wants_memory(case(64, op="gaussian_kl")) and FULL.wants_memory(case(64, op="gaussian_kl"))
    assert FULL.wants_memory(case(64, 10, "forward")) and not FULL.wants_memory(case(64, 2, "forward"))
