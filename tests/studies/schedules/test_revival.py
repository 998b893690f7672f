"""Where models come back is known to a bracket of β, as wide as the curve is coarse."""

from collections import Counter

import numpy as np
import pytest

from pyvae.studies.schedules.findings.comparison import IN_USE_NATS
from pyvae.studies.schedules.findings.revival import Bracket, Revival, about_revival, fall, revival
from pyvae.studies.schedules.results import Records
from pyvae.studies.schedules.runs import CONSTANT, FROM_100, FROM_10000
from tests.studies.schedules import synthetic
from tests.studies.schedules.synthetic import CONFIG, FIRST, write_folder

BETAS = np.array([60.0, 50.0, 40.0, 30.0, 20.0, 10.0, 5.0])
"""Between records; each has β from one of these to the next."""
RECORDS = Records(np.arange(1, 7), BETAS[:-1], BETAS[1:], np.empty((0, 6)))


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        ([9, 0, 0, 0, 5, 9], Revival(True, True, Bracket(30.0, 10.0))),
        ([0, 0, 0, 0, 5, 9], Revival(True, False, Bracket(30.0, 10.0))),  # never in use before
        ([0, 9, 0, 0, 5, 9], Revival(True, True, Bracket(30.0, 10.0))),
        ([9, 0, 0, 5, 0, 9], Revival(True, True, Bracket(20.0, 5.0))),  # once more below: it counts from when it stays
        ([9, 0, 0, 0, 0, 0], Revival(True, True, None)),
        ([0, 0, 0, 0, 0, 0], Revival(True, False, None)),
        ([9, 8, 8, 0, 0, 5], Revival(False, False, None)),  # low only when β was, too
        ([9, 0, 0, 0, np.nan, np.nan], Revival(True, True, None)),
        ([9, 0, 0, 5, 5, np.nan], Revival(True, True, Bracket(40.0, 20.0))),  # its training stopped early
        ([np.nan] * 6, Revival(False, False, None)),
    ],
)
def test_when_a_model_came_back(kl, expected) -> None:
    assert revival(RECORDS, RECORDS.last > 25, np.array(kl, dtype=float)) == expected


def test_a_bracket_holds_the_beta_at_which_kl_crosses_the_threshold_wherever_that_is() -> None:
    """KL of single steps, averaged into records: whatever the step at which it crosses, β there is in the bracket."""
    steps, every = 600, 30
    beta = np.linspace(60.0, 1.0, steps)
    ends = np.arange(every, steps + 1, every)
    records = Records(ends, beta[ends - every], beta[ends - 1], np.empty((0, len(ends))))
    for crossing in range(320, 570):
        kl = np.maximum(0.0, 0.02 * (np.arange(steps) - crossing)) + IN_USE_NATS * (np.arange(steps) >= crossing)
        *_, found = revival(records, records.last > 40, kl.reshape(-1, every).mean(1))
        assert found.high >= beta[crossing] >= found.low, crossing


def test_verdict_and_details_have_brackets_and_say_what_the_curve_cannot_tell(tmp_path) -> None:
    answer = about_revival(write_folder(tmp_path))
    assert answer.short == (
        "Yes: 6 of 6 models with a KL below 0.1 nats while β was above 40 came into use (3 seeds): β 100 → 1 somewhere "
        "between β = 21.2 and β = 18.9; β 10000 → 1 somewhere between β = 101 and β = 6, the curve cannot tell where. "
        "0 of the 6 had been in use before: they were kept from it, and had not collapsed."
    )
    assert answer.details[0] == (
        "β 100 → 1: 3 of 3 had a KL below 0.1 nats while β was above 40 (3 seeds); 3 of them came into use, somewhere "
        "between β = 21.2 and β = 18.9 (the union over their brackets), which is 1.06 to 0.94 times 2λ_1 (records are "
        "10 steps apart)."
    )
    assert answer.details[1].endswith(
        "somewhere between β = 101 and β = 6, the curve cannot tell where (the union over their brackets): β fell from "
        "above 2λ_1 to its end without a record between them (records are 10 steps apart)."
    )
    assert answer.details[2].endswith("β 100 → 1 ends below it and β 10000 → 1 ends below it.")


def test_a_coarse_curve_gives_a_wide_bracket_and_says_so(tmp_path) -> None:
    fine = write_folder(tmp_path / "fine")
    coarse = write_folder(tmp_path / "coarse", CONFIG.replaced(curve_every=50))
    (narrow, wide) = (fall(results, results.arm(FROM_100, 1.0)).union for results in (fine, coarse))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    assert "a wide bracket (records are 50 steps apart)" in about_revival(coarse).details[0]
    assert "wide" not in about_revival(fine).details[0]


def test_over_seeds_it_is_the_union_of_brackets(tmp_path) -> None:
    def later(arm, beta, seed) -> float:
        return synthetic.kl_by_theory(arm, beta * (1, 1.5, 3)[seed], seed)

    results = write_folder(tmp_path, kl=later)
    found = fall(results, results.arm(FROM_100, 1.0))
    apart = [one.back for one in found.revivals]
    assert apart[0].low > apart[1].high and apart[1].low > apart[2].high
    assert found.union == Bracket(apart[0].high, apart[2].low)
    assert [one.low < FIRST / times < one.high for one, times in zip(apart, (1, 1.5, 3), strict=True)] == [True] * 3


def test_models_that_come_back_at_the_last_beta(tmp_path) -> None:
    at_rest: Counter[tuple[str, int]] = Counter()

    def late(arm, beta, seed) -> float:
        at_rest[arm.group, seed] += beta == 1
        return 9.0 if arm.group == FROM_100 and at_rest[arm.group, seed] > 8 else 0.0

    results = write_folder(tmp_path, CONFIG.replaced(seeds=(0, 1)), kl=late)
    answer = about_revival(results)
    assert answer.short == (
        "Some do: 2 of 4 models with a KL below 0.1 nats while β was above 40 came into use (2 seeds): β 100 → 1 after "
        "β had come to rest at 1. 0 of the 4 had been in use before: they were kept from it, and had not collapsed."
    )
    assert answer.details[0].endswith("2 of them came into use, after β had come to rest at 1.")
    assert answer.details[1].endswith(
        "2 of 2 had a KL below 0.1 nats while β was above 40 (2 seeds); none of them came into use, but β had been at "
        "1 for 500 steps, and with β = 1 from the start 0 of 2 models came into use."
    )


NO = "(3 seeds). 0 of the 6 had been in use before: they were kept from it, and had not collapsed."
NONE_OF_SIX = "of 6 models with a KL below 0.1 nats while β was above 40 none came into use before training ended"


def test_models_that_stay_out_of_use_though_they_had_time(tmp_path) -> None:
    answer = about_revival(write_folder(tmp_path, kl=synthetic.stays_dead))
    assert answer.short == (
        f"No: {NONE_OF_SIX}, though 6 had 208 steps or more at the last β, and with β = 1 from the start 3 models came "
        f"into use within 10 {NO}"
    )
    assert answer.details[0].endswith("(3 seeds); none of them came into use, in 208 steps at the last β.")


def test_models_that_were_in_use_before_have_collapsed(tmp_path) -> None:
    taken: Counter[tuple[str, int]] = Counter()

    def collapses(arm, beta, seed) -> float:
        taken[arm.group, seed] += 1
        return 9.0 if arm.group == CONSTANT or taken[arm.group, seed] == 2 else 0.0  # the first is the results' table

    short = about_revival(write_folder(tmp_path, kl=collapses)).short
    assert short.startswith("No: ") and short.endswith(" 6 of the 6 had been in use before: these had collapsed.")


def test_a_fall_that_has_just_ended_shows_nothing(tmp_path) -> None:
    """Models of a constant β need 120 steps; schedules of a run of 200 leave 42 and 100 at their last β."""
    taken: Counter[tuple[float, int]] = Counter()

    def slow(arm, beta, seed) -> float:
        taken[beta, seed] += arm.group == CONSTANT
        waited = taken[beta, seed] == 1 or taken[beta, seed] > 12  # the first is the results' table
        return 9.0 if arm.group == CONSTANT and waited else 0.0

    answer = about_revival(write_folder(tmp_path, CONFIG.replaced(steps=200), kl=slow))
    assert answer.short == (
        f"This run cannot tell: {NONE_OF_SIX}, but β had been at 1 for 100 steps only, and with β = 1 from the start 3 "
        "models came into use within 120 (3 seeds)."
    )
    assert "none of them came into use, but β had been at 1 for 42 steps only, and with" in answer.details[0]


def test_models_that_no_beta_brings_into_use_show_nothing(tmp_path) -> None:
    answer = about_revival(write_folder(tmp_path, CONFIG.replaced(steps=200), kl=lambda *_: 0.01))
    assert answer.short == (
        f"This run cannot tell: {NONE_OF_SIX}, but β had been at 1 for 100 steps, and with β = 1 from the start 0 of 3 "
        "models came into use (3 seeds)."
    )
    assert answer.details[0].endswith(
        "none of them came into use, but β had been at 1 for 42 steps, and with β = 1 from the start 0 of 3 models "
        "came into use."
    )


def test_without_a_constant_beta_nothing_says_how_long_it_takes(tmp_path) -> None:
    short = about_revival(write_folder(tmp_path, CONFIG.replaced(betas=(3.0,)), kl=synthetic.stays_dead)).short
    assert short.endswith(
        "but β had been at 1 for 500 steps, and no model of a constant β = 1 says how long that takes (3 seeds)."
    )


def test_a_model_that_diverged_is_no_model_that_stayed_dead(tmp_path) -> None:
    results = write_folder(tmp_path, diverged=lambda arm, seed: arm.group == FROM_10000 and seed == 1)
    answer = about_revival(results)
    assert answer.short.startswith("Yes: 5 of 5 models with a KL below 0.1 nats while")
    assert answer.details[1].startswith(
        "β 10000 → 1: 2 of 2 had a KL below 0.1 nats while β was above 40 (2 seeds, without seed 1); 2 of them"
    )


def test_models_that_never_collapsed(tmp_path) -> None:
    answer = about_revival(write_folder(tmp_path, kl=lambda arm, beta, seed: 5.0))
    assert answer.short == (
        "There was nothing to come into use: none of 6 models had a KL below 0.1 nats while β was above 40 (3 seeds)."
    )
    assert answer.details[0] == "β 100 → 1: 0 of 3 had a KL below 0.1 nats while β was above 40 (3 seeds)."


def test_a_beta_that_was_never_high_says_nothing_of_recovery(tmp_path) -> None:
    answer = about_revival(write_folder(tmp_path, CONFIG.replaced(scale=0.001)))
    assert answer.short == "This run cannot tell: in no record of a model with finite numbers was β above 40 (3 seeds)."
    assert answer.details[0] == "β 0.1 → 0.001: β was never above 40 throughout a record of 10 steps (3 seeds)."


def test_a_last_beta_at_which_theory_has_all_collapsed(tmp_path) -> None:
    answer = about_revival(write_folder(tmp_path, CONFIG.replaced(scale=1000)))
    assert answer.short.startswith(f"This run cannot tell: {NONE_OF_SIX}, but β had been at 1000 for 500 steps, and")
    assert answer.details[-1].endswith("β 100000 → 1000 ends above it and β 1e+07 → 1000 ends above it.")


def test_seeds_that_differ_are_not_blamed_on_the_curve(tmp_path) -> None:
    def at_both_ends(arm, beta, seed) -> float:
        return 9.0 * (beta < (FIRST, 1.5)[seed]) if arm.group == FROM_100 else 0.0

    results = write_folder(tmp_path, CONFIG.replaced(seeds=(0, 1)), kl=at_both_ends)
    found = fall(results, results.arm(FROM_100, 1.0)).union
    assert found.high > FIRST and found.low < 1.5
    told = about_revival(results).details[0]
    assert "cannot tell" not in told and "times 2λ_1: a wide bracket (" in told
