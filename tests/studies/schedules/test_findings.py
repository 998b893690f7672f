"""Sentences follow from results: models made up to fall short, to stay dead, to diverge."""

import dataclasses
import re

import numpy as np
import pyarrow.compute as pc
import pytest

from pyvae.studies.schedules.findings.answers import findings
from pyvae.studies.schedules.findings.source import about_the_source
from pyvae.studies.schedules.runs import ANNEALED, CONSTANT, FROM_100, FROM_10000
from tests.studies.schedules import synthetic
from tests.studies.schedules.synthetic import CONFIG, FIRST, write_folder

SEEDS = "(3 seeds, ± half the 95 % interval)"


def told(results) -> dict[str, object]:
    return {answer.name: answer for answer in findings(results)}


def in_full(arm, beta, seed) -> float:
    """β that falls ends where a constant one does, and beyond it or short of it by less than seeds differ."""
    return synthetic.kl_by_theory(arm, beta, seed) + (0.1 * (seed - 1) if arm.group != CONSTANT else 0)


def goes_beyond(arm, beta, seed) -> float:
    return synthetic.kl_by_theory(arm, beta, seed) * (2 if arm.group != CONSTANT else 1)


def diverged(**seeds):
    """Those seeds of a group's models have, at one β alone where the name says which: constant_100=(0, 1)."""

    def which(arm, seed) -> bool:
        names = {CONSTANT: "constant", ANNEALED: "annealed", FROM_100: "from_100", FROM_10000: "from_10000"}
        return seed in {*seeds.get(names[arm.group], ()), *seeds.get(f"{names[arm.group]}_{arm.unscaled:g}", ())}

    return which


DIVERGED = {
    "none": synthetic.none,
    "one seed of every run": diverged(constant=(1,), annealed=(1,), from_100=(1,), from_10000=(1,)),
    "one run": diverged(from_100=(0, 1, 2)),
    "what others are compared with": diverged(constant_1=(0, 1, 2), constant_10=(0, 1, 2)),
    "no seed in common": diverged(constant_1=(0,), constant_10=(0,), from_100=(1, 2), annealed=(1, 2)),
    "all constant": diverged(constant=(0, 1, 2)),
    "all but the constant": diverged(annealed=(0, 1, 2), from_100=(0, 1, 2), from_10000=(0, 1, 2)),
    "all but one": lambda arm, seed: (arm.group, arm.unscaled, seed) != (CONSTANT, 100.0, 0),
}


@pytest.mark.parametrize("which", DIVERGED)
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
@pytest.mark.parametrize(
    "changes", [{}, {"betas": (0.0, 1.0, 10.0)}, {"betas": (3.0,)}, {"scale": 0.01}, {"scale": 1000.0}, {"patience": 5}]
)
def test_every_sentence_is_whole_whatever_is_missing(tmp_path, which, seeds, changes) -> None:
    config = CONFIG.replaced(seeds=seeds, curve_every=50, **changes)
    results = write_folder(tmp_path, config, diverged=DIVERGED[which])
    if not any(results.known(arm).any() for arm in results.arms):
        assert len(findings(results)) == 1
        return
    answers = told(results)
    assert [*answers] == ["recovery", "revival", "annealing", "collapse", "source", "limits"]
    for answer in answers.values():
        for sentence in (answer.short, *answer.details):
            assert re.match(r"[A-Zβ\d]", sentence) and sentence.endswith("."), sentence
            assert not re.search(r"\bnan\b|\binf\b|None|\(\)|, \)|  | \.|\.\.| ;|-\d", sentence), sentence
            assert re.search(r"\d|nothing is about", sentence), sentence
            assert len(seeds) > 1 or "±" not in sentence


def test_models_that_come_back_in_full(tmp_path) -> None:
    answers = told(write_folder(tmp_path, kl=in_full))
    numbers = (
        "a KL of 30.3 ± 1.0 nats against 30.3 ± 0.7 of β = 1, seed by seed +0.00 ± 0.25, and "
        f"with a squared error of 14.9 ± 0.5 against 14.9 ± 0.4 of β = 1, seed by seed +0.00 ± 0.12 {SEEDS}"
    )
    assert answers["recovery"].short == (
        f"β 100 → 1 cannot be told from β = 1 by KL or squared error: it ends with {numbers}. "
        f"β 10000 → 1 cannot be told from β = 1 by KL or squared error: it ends with {numbers}."
    )
    assert answers["annealing"].short == (
        "They cannot be told apart by KL or squared error: β 0 → 10 ends with a KL of 7.0 ± 0.4 nats against 7.0 ± 0.2 "
        "of β = 10, seed by seed +0.00 ± 0.25, and with a squared error of 26.5 ± 0.2 against "
        f"26.5 ± 0.1 of β = 10, seed by seed +0.00 ± 0.12 {SEEDS}."
    )
    assert "nats (100.0 ± 0.8 % of that of β = 1), mean" in answers["recovery"].details[0]
    assert answers["collapse"].short == (
        "β = 100, 1000 and 10000 leave no latent in use (3 seeds). Linear theory, collapse for β ≥ 2λ_1 = 20.0 of this "
        "data, says rightly of 15 of 15 models whether any latent is in use."
    )
    assert answers["collapse"].details[0] == (
        "β = 1: active latents 3.0 (the same in all 3 seeds) of 4 (3 seeds), where linear theory has 4 (variances of "
        "principal components above β/2)."
    )
    assert answers["source"].details[0] == (
        f"β = 1: KL 30.3 ± 0.7 nats and mean posterior deviation 0.47 ± 0.01 {SEEDS}; the source's plots show 40 and "
        "0.38 (one seed)."
    )


@pytest.mark.parametrize(
    ("kl", "share", "verdict"),
    [
        (synthetic.falls_short, "50.0 %", "less KL and a larger squared error"),
        (goes_beyond, "200.0 %", "more KL and a smaller squared error"),
    ],
)
def test_models_that_end_elsewhere(tmp_path, kl, share, verdict) -> None:
    answer = told(write_folder(tmp_path, kl=kl))["recovery"]
    for arm, detail in zip(("β 100 → 1", "β 10000 → 1"), answer.details, strict=True):
        assert f"{arm} does not end where β = 1 does, but with {verdict}: it ends with a KL of" in answer.short
        assert f"nats ({share} of that of β = 1), mean posterior deviation" in detail


def test_a_verdict_is_of_the_squared_error_too(tmp_path) -> None:
    """KL alone cannot tell, and what models make of it differs."""
    results = write_folder(tmp_path, kl=in_full)
    place = results.table.column_names.index("squared_error")
    worse = [
        row["squared_error"] + (3.0 + 0.1 * row["seed"] if row["group"] == FROM_100 else 0)
        for row in results.table.to_pylist()
    ]
    short = told(dataclasses.replace(results, table=results.table.set_column(place, "squared_error", [worse])))
    assert short["recovery"].short.startswith(
        "β 100 → 1 does not end where β = 1 does, but with a larger squared error (by KL they cannot be told apart): "
        "it ends with a KL of 30.3"
    )
    assert "β 10000 → 1 cannot be told from β = 1 by KL or squared error: " in short["recovery"].short


def test_a_share_of_a_kl_that_cannot_be_told_from_none_is_not_given(tmp_path) -> None:
    def scattered(arm, beta, seed) -> float:
        return (0.0, 0.1, 1.6)[seed] if arm.group == CONSTANT else 0.1 * seed

    answer = told(write_folder(tmp_path, kl=scattered))["recovery"]
    assert "a KL of 0.1 ± 0.2 nats against 0.6 ± 2.2 of β = 1, seed by seed −0.47 ±" in answer.short
    assert not any("% of that" in line for line in answer.details)


@pytest.mark.parametrize(("factor", "word"), [(2.0, "more"), (0.5, "less")])
def test_a_rising_beta_that_ends_elsewhere(tmp_path, factor, word) -> None:
    results = write_folder(tmp_path, kl=lambda arm, *at: synthetic.kl_by_theory(arm, *at) * (
        factor if arm.group == ANNEALED else 1
    ))  # fmt: skip
    error = "a smaller squared error" if word == "more" else "a larger squared error"
    assert told(results)["annealing"].short.startswith(f"Yes, with {word} KL and {error}: β 0 → 10 ends with")


def test_seeds_that_all_differ_by_the_same_give_no_interval(tmp_path) -> None:
    answer = told(write_folder(tmp_path))["annealing"]
    assert answer.short.startswith(
        "No verdict, since every seed has the same difference: β 0 → 10 ends with a KL of 7.0 ± 0.2 nats against 7.0 ± "
    )
    assert "seed by seed +0.00 (the same in all 3 seeds), and with" in answer.short
    assert answer.details[0].endswith(
        "active latents 3.0 (the same in all 3 seeds) against 3.0 (the same in all 3 seeds) of 4 (3 seeds)."
    )


def test_one_seed_gives_readings(tmp_path) -> None:
    answers = told(write_folder(tmp_path, CONFIG.replaced(seeds=(4,))))
    ends = "ends with a KL of 31.2 nats against 31.2 of β = 1, and with a squared error of 14.4 against 14.4 of β = 1"
    assert answers["recovery"].short == (
        f"A reading, no verdict: β 100 → 1 {ends} (seed 4). A reading, no verdict: β 10000 → 1 {ends} (seed 4)."
    )
    assert answers["revival"].short.startswith(
        "A reading: 2 of 2 models with a KL below 0.1 nats while β was above 40 came into use (seed 4): "
    )
    assert answers["annealing"].short == (
        "A reading, no verdict: β 0 → 10 ends with a KL of 7.2 nats against 7.2 of β = 10, and with a squared error of "
        "26.4 against 26.4 of β = 10 (seed 4)."
    )
    assert answers["collapse"].short.startswith("A reading: β = 100, 1000 and 10000 leave no latent in use (seed 4). ")
    assert answers["limits"].short == (
        "One data set, one network, one seed (seed 4): every number is a reading, without an interval."
    )


def test_a_seed_that_diverged_is_left_out_by_name_and_changes_no_verdict(tmp_path) -> None:
    lost = diverged(constant_100=(1,), constant_1=(0,), from_100=(2,))
    answers = told(write_folder(tmp_path, diverged=lost))
    assert answers["collapse"].short == (
        "β = 100, 1000 and 10000 leave no latent in use (β = 100: 2 seeds, without seed 1; β = 1000: 3 seeds; "
        "β = 10000: 3 seeds). Linear theory, collapse for β ≥ 2λ_1 = 20.0 of this data, says rightly of 13 of 13 "
        "models whether any latent is in use."
    )
    assert answers["recovery"].short.startswith(
        "A reading, no verdict: β 100 → 1 ends with a KL of 30.3 nats against 30.3 of β = 1, and with a squared error "
        "of 14.9 against 14.9 of β = 1 (seed 1, without seeds 0 and 2). No verdict, since every seed has the same "
        "difference: "
    )
    assert answers["recovery"].short.endswith("(2 seeds, without seed 0, ± half the 95 % interval).")
    assert answers["limits"].details[-1] == (
        "3 of 24 models have diverged and are left out of every number: β = 1 of seed 0; β = 100 of seed 1; "
        "β 100 → 1 of seed 2."
    )


def test_a_run_whose_every_seed_diverged_has_no_verdict(tmp_path) -> None:
    answers = told(write_folder(tmp_path, diverged=diverged(constant_100=(0, 1, 2), from_100=(0, 1, 2))))
    assert answers["collapse"].short.startswith("β = 1000 and 10000 leave no latent in use (3 seeds).")
    assert answers["collapse"].details[-1] == (
        "β = 100 has no verdict: no seed gave a finite number (seeds 0, 1 and 2)."
    )
    assert answers["recovery"].short.startswith(
        "β 100 → 1 beside β = 1 has no verdict: no seed gave a finite number of both (seeds 0, 1 and 2). No verdict"
    )
    assert answers["revival"].details[0] == (
        "β 100 → 1 has no verdict: no seed gave a finite number (seeds 0, 1 and 2)."
    )
    assert answers["revival"].short.startswith("Yes: 3 of 3 models with a KL below 0.1 nats while β was above")
    assert "β 100 → 1 has no verdict: no seed gave a finite number (seeds 0, 1 and 2)." in answers["source"].details


def test_some_seeds_collapse_and_others_do_not(tmp_path) -> None:
    def kl(arm, beta, seed) -> float:
        return 0.0 if (arm.group, arm.beta, seed) == (CONSTANT, 10.0, 2) else synthetic.kl_by_theory(arm, beta, seed)

    answer = told(write_folder(tmp_path, kl=kl))["collapse"]
    assert answer.short.endswith("says rightly of 14 of 15 models whether any latent is in use.")
    assert "leave no latent in use (3 seeds); β = 10 does in 1 of 3 models. Linear" in answer.short
    assert answer.details[1].startswith("β = 10: 1 of 3 models without any latent in use; active latents 2.0 ± 4.3")


def test_theory_that_expects_the_same_of_every_model_is_not_tested(tmp_path) -> None:
    short = told(write_folder(tmp_path, CONFIG.replaced(betas=(1.0, 10.0))))["collapse"].short
    assert short == (
        "No collapse: none of 2 constant βs leaves every latent unused (3 seeds). Linear theory, collapse for β ≥ 2λ_1 "
        "= 20.0 of this data, has latents in use in all 6 models, which is no test of it; 6 are so."
    )


def test_a_constant_beta_that_has_collapsed_is_nothing_to_come_back_to(tmp_path) -> None:
    answers = told(write_folder(tmp_path, CONFIG.replaced(scale=1000)))
    assert answers["recovery"].short.startswith(
        "β = 1000 is nothing to come back to: it ends with a KL of 0.0 (the same in all 3 seeds) nats, below 0.1, and "
        "β 100000 → 1000 with 0.0 (the same in all 3 seeds) (3 seeds)."
    )
    assert answers["annealing"].short.startswith("Neither is in use, by a KL below 0.1 nats: β 0 → 10000 ends with")


def test_without_the_betas_to_compare_with_it_says_so(tmp_path) -> None:
    answers = told(write_folder(tmp_path, CONFIG.replaced(betas=(3.0,))))
    assert answers["recovery"].short.endswith("betas lacks 1.") and answers["annealing"].short.endswith("lacks 10.")


def test_the_order_of_runs_leaves_out_those_without_a_number(tmp_path) -> None:
    # Of the five that the source gives, nine pairs differ in KL; without 100 → 1, the pairs of the other four.
    answers = told(write_folder(tmp_path, kl=synthetic.falls_short))
    assert (
        "of 9 pairs whose KL differs in the source's plots, 9 stand in the same order here" in answers["source"].short
    )
    lost = told(write_folder(tmp_path, diverged=diverged(from_100=(0, 1, 2))))
    assert "of 5 pairs whose KL differs in the source's plots, 5 stand in the same order here" in lost["source"].short


def test_runs_that_end_alike_are_in_no_order(tmp_path) -> None:
    # β = 1 and 100 → 1 have one KL here, 40 and 28.5 in the source's plots.
    short = told(write_folder(tmp_path))["source"].short
    assert "of 9 pairs whose KL differs in the source's plots, 8 stand in the same order here" in short


def test_what_is_not_the_sources_is_named_and_nothing_else(tmp_path) -> None:
    short = told(write_folder(tmp_path, CONFIG.replaced(scale=0.5)))["source"].short
    assert short.startswith(
        "They are no replication: sprites instead of CelebA, 256 numbers an image instead of 12288, an MLP instead of "
        "convolutions, 4 latents instead of 32, 1000 steps instead of 50000 and every β times 0.5."
    )
    np.savez(tmp_path / "own.npz", images=np.full((40, 64, 64, 3), 200, dtype=np.uint8))
    own = CONFIG.replaced(data="arrays", data_path=str(tmp_path / "own.npz"), network="conv", latents=32, steps=50_000)
    results = write_folder(tmp_path / "own", own.replaced(curve_every=5000))
    answer = about_the_source(results)
    assert answer.short.startswith("They are no replication: arrays instead of CelebA. ")
    assert "0.0026 here (1 × 32 / 12288), where the source has 0.0026 (1 × 32 / 12288)." in answer.details[-1]


def test_the_sources_latents_are_its_own(tmp_path) -> None:
    assert (
        "(1 × 4 / 256), where the source has 0.0026 (1 × 32 / 12288)."
        in told(write_folder(tmp_path))["source"].details[-1]
    )


def test_training_that_stops_early_is_not_said_to_be_of_fixed_length(tmp_path) -> None:
    details = told(write_folder(tmp_path, CONFIG.replaced(patience=5)))["limits"].details
    assert details[1].startswith("Training was until the objective stopped improving, for at most 1000 steps, 2500 of")


def test_a_scale_changes_every_beta_and_keeps_what_is_read_off(tmp_path) -> None:
    results = write_folder(tmp_path, CONFIG.replaced(scale=0.1))
    arm = results.arm(FROM_100, 1.0)
    assert arm.name == "β 10 → 0.1" and arm.read.kl == 28.5
    assert results.arm(CONSTANT, 1000.0).beta == pytest.approx(100)
    assert results.betas_at(arm, [0, 10_000]) == pytest.approx([10, 0.1])


def test_every_model_diverged(tmp_path) -> None:
    (answer,) = findings(write_folder(tmp_path, diverged=synthetic.every))
    assert answer.short == (
        "There is no answer: every model has diverged (seeds 0, 1 and 2). A smaller learning_rate may help."
    )


def test_models_that_the_table_lacks_are_left_out(tmp_path) -> None:
    results = write_folder(tmp_path)
    some = results.table.filter(pc.invert(pc.equal(results.table["group"], FROM_10000)))
    answers = told(dataclasses.replace(results, table=some))
    assert answers["revival"].details[1].startswith("β 10000 → 1 has no verdict")
    assert answers["revival"].short.startswith("Yes: 3 of 3 models with a KL below 0.1 nats while β was above")


def test_a_measure_that_is_not_finite_counts_for_a_model_that_diverged(tmp_path) -> None:
    def kl(arm, beta, seed) -> float:
        return np.inf if (arm.group, beta, seed) == (CONSTANT, 1.0, 0) else synthetic.kl_by_theory(arm, beta, seed)

    results = write_folder(tmp_path, kl=kl)
    assert results.known(results.arm(CONSTANT, 1.0)).tolist() == [False, True, True]
    assert results.collapse_betas[0] == FIRST and np.isnan(results.values(results.arm(CONSTANT, 1.0), "active")[0])
