"""What the sweep of large minibatches is told by, on models whose answer is known."""

import json
import math
import re
from itertools import pairwise

import pytest

from benchmarks.sweeps.large_batch import FOLDER, IMAGES, STEPS, answers, chosen, curves, sweep_of, table, written
from pyvae.sweeps.planning.config import SweepConfig
from pyvae.sweeps.planning.plan import plan_of


def model(size, steps, seed, strength, *, tc=0.0, reconstruction=10.0, rate=1e-3, estimator="mws", status="finished"):
    return {
        "batch_size": size, "steps": steps, "learning_rate": rate, "estimator": estimator, "strengths": strength,
        "seeds": seed, "status": status, "reconstruction": reconstruction, "aggregate_information": 1.0,
        "aggregate_total_correlation": tc, "aggregate_dimwise_kl": 2.0, "mig": 1 - tc,
    }  # fmt: skip


def ladder(size, steps, seed, lift):
    """Total correlations 0.5, 0.3 and 0.1 and something more, at reconstruction errors 10, 12 and 14, and one above."""
    errors, tcs = (10.0, 12.0, 14.0, 16.0), (0.5, 0.3, 0.1, 0.01)
    return [
        model(size, steps, seed, beta, tc=tc + lift, reconstruction=error)
        for beta, tc, error in zip((1, 2, 4, 8), tcs, errors, strict=True)
    ]


def test_total_correlation_is_compared_at_equal_reconstruction_in_both_regimes() -> None:
    rows = [
        row
        for seed in range(3)
        for size, steps, lift in (
            (64, STEPS, 0.2), (1024, STEPS, 0.1), (64, IMAGES // 64, 0.02), (256, IMAGES // 256, 0.01)
        )
        for row in ladder(size, steps, seed, lift + 1e-3 * seed)
    ]  # fmt: skip
    rows[0]["reconstruction"] = 12.5  # seed 0 of the smallest batch: all that reach what it reaches are compared
    rows[1]["reconstruction"] = 12.1
    found = answers(rows)
    steps, samples = found["equal steps"], found["equal samples"]
    assert (steps["reconstruction"], samples["reconstruction"]) == (12.1, 10.0)
    by_size = {g["batch_size"]: g for g in steps["groups"]}
    assert by_size[64]["tc"][0] == pytest.approx(0.501) and by_size[1024]["tc"][0] == pytest.approx(0.401)
    large = by_size[1024]
    assert large["tc - M=64"][0] == pytest.approx(-0.1) and 0 < large["tc - M=64"][1] < 0.01
    assert large["mig"][0] == pytest.approx(1 - 0.01 - 0.101) and large["mig - M=64"][0] == pytest.approx(0.1)
    # At beta = 4: 14 + 1 + 4 (0.1 + 0.101) + 2.
    assert large["objective"][0] == pytest.approx(17.804)
    # Models of 1024 at 2 000 steps have seen as many images as those of 64 at 32 000.
    assert {g["batch_size"]: g["tc"][0] for g in samples["groups"]} == pytest.approx(
        {64: 0.521, 256: 0.511, 1024: 0.601}
    )


def test_who_reaches_no_such_reconstruction_has_no_total_correlation() -> None:
    curve = curves(ladder(64, STEPS, 0, 0.0))["equal steps"]["mws", 64][0]
    assert math.isnan(curve.least_tc(9.0)) and curve.least_tc(12.0) == 0.3 and curve.least_tc(99.0) == 0.01
    assert curve.at("tc", 2) == 0.3 and math.isnan(curve.at("tc", 3))


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


# --- What is stored ---------------------------------------------------------------------------------------------------

PAGE = FOLDER.with_suffix(".md").read_text()
STORED = json.loads((FOLDER / "answers.json").read_text())


def test_stored_answers_and_the_stored_sweep_are_those_of_the_stored_tables() -> None:
    assert answers(table("sweep")) == STORED
    assert written(chosen(table("learning-rates"))) == (FOLDER / "sweep.yaml").read_text()
    assert len(table("sweep")) == 7 * 3 * 4 * 3 and {row["status"] for row in table("sweep")} == {"finished"}
    assert 100 not in {row["seeds"] for row in table("sweep")}


def told(value: list[float], digits: int) -> str:
    mean, half = value
    return f"{mean:.{digits}f} ± {half:.{digits}f}".replace("-", "−")


def test_the_pages_tables_are_the_stored_answers() -> None:
    for regime, (heading, _) in zip(STORED, pairwise([*re.findall(r"^## (?:At|What).*$", PAGE, re.M)]), strict=True):
        rows = [re.split(r" *\| *", line)[1:-1] for line in PAGE.split(heading)[1].split("##")[0].splitlines()]
        shown = {(int(row[0]), row[1]): row[2:] for row in rows if row and row[0].isdigit()}
        assert len(shown) == len(STORED[regime]["groups"]) == 12
        for group in STORED[regime]["groups"]:
            tc, tc_beside, mig, objective, beside = shown[group["batch_size"], group["estimator"]]
            assert (tc, mig, objective) == (told(group["tc"], 3), told(group["mig"], 2), told(group["objective"], 2))
            if "tc - M=64" in group:
                assert tc_beside.lstrip("+") == told(group["tc - M=64"], 3)
                assert beside.lstrip("+") == told(group["objective - M=64"], 2)


def test_every_interval_of_the_words_is_one_of_the_answers() -> None:
    known = {
        told(value, digits).lstrip("−")
        for part in STORED.values()
        for group in part["groups"]
        for value in group.values()
        if isinstance(value, list)
        for digits in (2, 3)
    }
    readme = (FOLDER.parents[1] / "README.md").read_text()
    (paragraph,) = [part for part in readme.split("\n\n") if "docs/large-batch.md" in part]
    words = PAGE.split("## How it is measured")[0] + " ".join(paragraph.split())
    intervals = re.findall(r"\d+\.\d+ ± \d+\.\d+", words)
    assert len(intervals) > 8 and not set(intervals) - known
    assert all(f"{part['reconstruction']:.2f}" in PAGE for part in STORED.values())
