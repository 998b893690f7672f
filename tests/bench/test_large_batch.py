"""What the sweep of large minibatches is told by, on models whose answer is known."""

import math

import pytest

from benchmarks.sweeps.large_batch import IMAGES, STEPS, answers, chosen, sweep_of
from pyvae.sweeps.planning.config import SweepConfig
from pyvae.sweeps.planning.plan import plan_of


def model(size, steps, seed, strength, *, tc=0.0, reconstruction=10.0, rate=1e-3, estimator="mws", status="finished"):
    return {
        "batch_size": size, "steps": steps, "learning_rate": rate, "estimator": estimator, "strengths": strength,
        "seeds": seed, "status": status, "reconstruction": reconstruction, "aggregate_information": 1.0,
        "aggregate_total_correlation": tc, "aggregate_dimwise_kl": 2.0, "mig": 1 - tc,
    }  # fmt: skip


def ladder(size, steps, seed, lift):
    """Total correlations 0.5, 0.3 and 0.1 and something more, at reconstruction errors 10, 12 and 14."""
    pairs = zip((1, 2, 4), (0.5, 0.3, 0.1), (10.0, 12.0, 14.0), strict=True)
    return [model(size, steps, seed, beta, tc=tc + lift, reconstruction=error) for beta, tc, error in pairs]


def test_total_correlation_is_compared_at_equal_reconstruction_in_both_regimes() -> None:
    rows = [
        row
        for seed in range(3)
        for size, steps, lift in (
            (64, STEPS, 0.2), (1024, STEPS, 0.1), (64, IMAGES // 64, 0.02), (256, IMAGES // 256, 0.01)
        )
        for row in ladder(size, steps, seed, lift + 1e-3 * seed)
    ]  # fmt: skip
    found = answers(rows)
    steps, samples = found["equal steps"], found["equal samples"]
    assert steps["reconstruction"] == samples["reconstruction"] == 12.0
    assert {(g["batch_size"], g["tc"][0]) for g in steps["groups"]} == {(64, 0.501), (1024, 0.401)}
    large = next(g for g in steps["groups"] if g["batch_size"] == 1024)
    assert large["tc - M=64"][0] == pytest.approx(-0.1) and 0 < large["tc - M=64"][1] < 0.01
    assert large["mig - M=64"][0] == pytest.approx(0.1)
    # Models of 1024 at 2 000 steps have seen as many images as those of 64 at 32 000.
    assert {(g["batch_size"], g["tc"][0]) for g in samples["groups"]} == {(64, 0.321), (256, 0.311), (1024, 0.401)}


def test_curves_that_do_not_meet_have_no_answer() -> None:
    apart = [model(1024, STEPS, 0, beta, reconstruction=20.0 + beta) for beta in (1, 2)]
    assert answers([*ladder(64, STEPS, 0, 0.0), *apart])["equal steps"] == {"reconstruction": None, "groups": []}


def test_a_rate_is_chosen_by_the_exact_objective_over_estimators_and_never_one_that_diverges() -> None:
    def rates(rate, objectives):
        return [model(256, STEPS, 9, 4, rate=rate, estimator=name, reconstruction=x) for name, x in objectives.items()]

    rows = rates(1e-3, {"mws": 10.0, "mss": 14.0}) + rates(2e-3, {"mws": 11.0, "mss": 12.0})
    rows += [model(256, STEPS, 9, 4, rate=4e-3, reconstruction=math.nan, status="diverged")]
    assert chosen(rows) == {(256, STEPS): 2e-3}
    rows[0]["aggregate_total_correlation"] = -1.0  # four times that beats what the reconstruction lacks
    assert chosen(rows) == {(256, STEPS): 1e-3}


def test_the_sweep_has_every_combination() -> None:
    template = {"study": "vae", "preset": "quick", "set": {"objective": "beta-tcvae"}}
    sweep = sweep_of(template, {(64, STEPS): 1e-3, (1024, STEPS): 4e-3})
    plan = plan_of(SweepConfig(sweep["study"], sweep["preset"], sweep["set"], sweep["axes"]))
    assert len(plan.cells) == 2 * 3 * 4 * 3
