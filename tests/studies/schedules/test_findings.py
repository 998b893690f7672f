"""Sentences follow from results: models made up to fall short, to come back, to stay dead."""

import numpy as np
import pytest

from pyvae.studies.schedules.findings import Revival, _revival, findings
from pyvae.studies.schedules.runs import CONSTANT, FROM_100
from tests.studies.schedules import synthetic


def told(results) -> dict[str, object]:
    return {answer.name: answer for answer in findings(results)}


def test_models_that_come_back_in_full(tmp_path) -> None:
    answers = told(synthetic.write_folder(tmp_path))
    assert "β 100 → 1 ends with 100% and β 10000 → 1 ends with 100% of the KL" in answers["recovery"].short
    assert "β 100 → 1 does not differ from it by more than the seeds do" in answers["recovery"].short
    assert answers["revival"].short.startswith("Yes: 6 of the 6 models that had collapsed came back")
    assert answers["annealing"].short.startswith("Not by more than the seeds differ")
    assert answers["collapse"].short.startswith("β = 100, 1000, 10000 leave no latent in use in every one of 3 seeds.")
    assert "rightly of 5 of 5 constant βs" in answers["collapse"].short
    assert "9 stand in the same order" not in answers["source"].short  # β = 1 and 100 → 1 are alike here
    assert any("KL 30.3 ± 0.7 nats" in detail and "40 and 0.38" in detail for detail in answers["source"].details)


def test_models_that_fall_short(tmp_path) -> None:
    short = told(synthetic.write_folder(tmp_path, kl=synthetic.falls_short))["recovery"].short
    assert "β 100 → 1 ends with 50%" in short and "β 100 → 1 falls short of it" in short


def test_models_that_stay_dead(tmp_path) -> None:
    short = told(synthetic.write_folder(tmp_path, kl=synthetic.stays_dead))["revival"].short
    assert short == "No: none of the 6 models that had collapsed came back before its training ended."


def test_one_seed_gives_readings(tmp_path) -> None:
    answers = told(synthetic.write_folder(tmp_path, synthetic.CONFIG.replaced(seeds=(4,))))
    assert "One seed gives a reading, not a verdict." in answers["recovery"].short
    assert "reading" in answers["limits"].short and "±" not in answers["recovery"].short
    assert "(seed 4)" in answers["recovery"].short


def test_without_the_betas_to_compare_with_it_says_so(tmp_path) -> None:
    answers = told(synthetic.write_folder(tmp_path, synthetic.CONFIG.replaced(betas=(3.0,))))
    assert answers["recovery"].short.endswith("betas lacks 1.") and answers["annealing"].short.endswith("lacks 10.")


def test_a_scale_changes_every_beta_and_keeps_what_is_read_off(tmp_path) -> None:
    results = synthetic.write_folder(tmp_path, synthetic.CONFIG.replaced(scale=0.1))
    arm = results.arm(FROM_100, 1.0)
    assert arm.name == "β 10 → 0.1" and arm.read.kl == 28.5
    assert results.arm(CONSTANT, 1000.0).beta == pytest.approx(100)
    assert results.betas_at(arm, [0, 10_000]) == pytest.approx([10, 0.1])


def test_every_model_diverged(tmp_path) -> None:
    (answer,) = findings(synthetic.write_folder(tmp_path, finite=False))
    assert "every model has diverged" in answer.short


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        ([9, 0, 0, 0, 5, 9], Revival(30.0, 10.0)),
        ([9, 0, 0, 5, 0, 9], Revival(30.0, 5.0)),  # once more below: it counts from when it stays
        ([9, 0, 0, 0, 0, 0], Revival(30.0, np.nan)),
        ([9, 8, 8, 8, 0, 5], Revival(np.nan, np.nan)),  # low only when β was, too
        ([9, 0, 0, 0, np.nan, np.nan], Revival(30.0, np.nan)),
    ],
)
def test_when_a_model_came_back(kl, expected) -> None:
    betas = np.array([50.0, 40.0, 30.0, 20.0, 10.0, 5.0])
    assert np.array_equal(_revival(betas, betas > 25, np.array(kl, dtype=float)), expected, equal_nan=True)
