"""Every sentence of the findings depends on the numbers: made-up studies, one for each thing that can be found."""

import math
import re
from collections.abc import Callable

import pytest

from pyvae.plotting.numbers import decimals
from pyvae.studies.biased_grid.findings.answers import (
    about_limits,
    about_robustness,
    about_the_baseline,
    findings,
)
from pyvae.studies.biased_grid.findings.collapse import about_collapse
from pyvae.studies.biased_grid.findings.maps import about_the_source_maps
from pyvae.studies.biased_grid.results import Results
from pyvae.studies.biased_grid.summary import summary
from tests.studies.biased_grid.synthetic import results, small_config

ALIVE = {"train_active_kl": lambda *_: 4.0, "train_ceiling_nats": lambda *_: 1.0}


def _lines(level: float, fall: float, scatter: float = 0.0) -> Callable[[float, float, int], float]:
    """beta = 1 has the share 0.8 - 0.1 mu; beta = 2 the given line, its slope scattered over seeds. All seeds differ a
    little in level and slope.
    """

    def share(mu: float, beta: float, seed: int) -> float:
        line = level - (fall + scatter * (seed - 1)) * mu if beta == 2 else 0.8 - 0.1 * mu
        return line + 0.0002 * (seed - 1) * (1 + mu)

    return share


def test_every_question_is_answered_in_whole_sentences() -> None:
    answers = findings(results())
    assert len(answers) == 6
    for answer in answers:
        assert answer.question.endswith("?")
        assert answer.details
        for sentence in (answer.short, *answer.details):
            assert sentence.endswith(".")
            assert not re.search(r"\bnan\b|\binf\b|None|\{|  ", sentence.replace("{0.1, 0.5, 0.9}", "test")), sentence


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
@pytest.mark.parametrize("betas", [(1.0,), (0.5, 1.0), (0.0, 4.0), (0.5, 1.0, 2.0)])
@pytest.mark.parametrize("mus", [(0.0,), (5.0,), (0.0, 2.5, 5.0)])
def test_small_studies_are_answered_too(
    mus: tuple[float, ...], betas: tuple[float, ...], seeds: tuple[int, ...]
) -> None:
    for answer in findings(results(small_config(mus=mus, betas=betas, seeds=seeds))):
        assert "nan" not in " ".join((answer.short, *answer.details))


@pytest.mark.parametrize(
    ("level", "fall", "scatter", "verdict"),
    [
        (
            0.8,
            0.02,
            0.0,
            "Yes: as μ grows, where both are in use, the recovered share holds up better than at β = 1, and",
        ),
        (0.4, 0.02, 0.0, "No: as μ grows, where both are in use, the recovered share holds up better but is lower"),
        (0.8, 0.20, 0.0, "No: as μ grows, where both are in use, the recovered share holds up worse than at β = 1 for"),
        (0.8, 0.05, 0.2, "Not shown: as μ grows, where both are in use, the difference from β = 1 cannot be told from"),
    ],
)
def test_the_verdict_on_robustness(level: float, fall: float, scatter: float, verdict: str) -> None:
    answer = about_robustness(results(train_recovered_nats=_lines(level, fall, scatter), **ALIVE))
    assert answer.short.startswith(verdict) and " β = 2" in answer.short
    assert "one seed" not in answer.short
    assert "95 % t interval over 3 seeds" in answer.details[-1]


@pytest.mark.parametrize(("fall", "word"), [(0.02, "better"), (0.2, "worse")])
def test_the_sentence_on_a_slope(fall: float, word: str) -> None:
    answer = about_robustness(results(train_recovered_nats=_lines(0.8, fall), **ALIVE))
    sentence = next(line for line in answer.details if line.startswith("β = 2"))
    assert f"holds up {word} as μ grows" in sentence
    assert "4 values of μ from 0 to 3" in sentence
    assert f"slopes differ by {decimals(0.1 - fall, 3, signed=True)} ± 0.000" in sentence
    assert sentence.endswith(
        "on average it has 4.0 and 4.0 latents in use at μ = 0 and μ = 3, beside 4.0 and 4.0 at β = 1."
    )


def test_a_slope_that_cannot_be_told_apart() -> None:
    answer = about_robustness(results(train_recovered_nats=_lines(0.8, 0.05, 0.2), **ALIVE))
    assert any("cannot be told from that of β = 1" in line for line in answer.details)


def test_what_is_open_says_what_is_clear_and_what_would_settle_it() -> None:
    def share(mu: float, beta: float, seed: int) -> float:
        return _lines(0.8, 0.05, 0.2)(mu, beta, seed) - (0.1 * mu if beta == 4 else 0.0)

    config = small_config(betas=(1.0, 2.0, 4.0))
    short = about_robustness(results(config, train_recovered_nats=share, **ALIVE)).short
    assert short.startswith("Not shown: ")
    assert (
        "holds up worse than at β = 1 for β = 4; the difference from β = 1 cannot be told from zero for β = 2." in short
    )
    assert short.endswith(
        "A run of 300 steps may be too short to tell: --set steps=1200 trains longer, and --preset long until nothing "
        "improves."
    )
    stopped = about_robustness(results(config.replaced(patience=4), train_recovered_nats=share, **ALIVE)).short
    assert stopped.endswith("More seeds narrow the intervals: --set seeds=0,1,2,3,4,5.")


def test_partial_collapse_is_told_where_it_is_bought() -> None:
    def active(mu: float, beta: float, seed: int) -> float:
        return 1.0 if beta == 2 and mu > 1 else 4.0

    study = results(train_recovered_nats=_lines(0.8, 0.02), train_ceiling_nats=lambda *_: 1.0, train_active_kl=active)
    answer = about_robustness(study)
    assert "with fewer latents in use (partly collapsed), for β = 2" in answer.short
    assert any("4.0 and 1.0 latents in use at μ = 0 and μ = 3, beside 4.0 and 4.0" in line for line in answer.details)


def test_several_comparisons_are_told_to_hold_at_once() -> None:
    study = results(small_config(betas=(1.0, 2.0, 4.0)), train_recovered_nats=_lines(0.8, 0.2), **ALIVE)
    assert "intervals of 97.5 %, so that both of its comparisons hold at once" in about_robustness(study).details[-1]
    one = about_robustness(results(train_recovered_nats=_lines(0.8, 0.2), **ALIVE)).details[-1]
    assert "at once" not in one and "seed by seed" not in one


def test_seeds_that_do_not_differ_prove_nothing() -> None:
    study = results(train_recovered_nats=lambda mu, beta, seed: 0.8 - (0.02 if beta == 2 else 0.1) * mu, **ALIVE)
    answer = about_robustness(study)
    assert answer.short.startswith("Not shown: ") and "seeds do not differ, for β = 2" in answer.short
    assert any("slopes differ by +0.080 (the same in all 3 seeds)" in line for line in answer.details)


def test_a_warm_up_that_outlasts_training_is_told() -> None:
    (first, *_) = about_robustness(results(small_config(warmup_steps=2000))).details
    assert first.endswith("warmup_steps is 2000, but training ends after 300, with beta at 15% of its value.")
    assert "warmup_steps" not in " ".join(about_robustness(results(small_config(warmup_steps=300))).details)


def test_with_one_mu_nothing_is_averaged_over_it() -> None:
    for answer in findings(results(small_config(mus=(0.0,)))):
        assert not re.search(r"over μ|of 1 values of μ\.|over all", " ".join((answer.short, *answer.details))), answer


@pytest.mark.parametrize(
    ("mus", "expected"),
    [
        ((0.0, 0.5), "expects latents in use in every model of this run, which is no test of it; 18 of 18 (100%)"),
        ((9.0, 9.5), "expects no latent in use in every model of this run, which is no test of it; 18 of 18 (100%)"),
    ],
)
def test_theory_that_expects_one_outcome_is_not_tested(mus: tuple[float, ...], expected: str) -> None:
    answer = about_collapse(results(small_config(mus=mus, betas=(1.0, 2.0, 4.0) if mus[0] == 0 else (4.0, 5.0, 6.0))))
    assert expected in answer.short
    assert not any(line.startswith("Within it") for line in answer.details)


def test_collapse_of_some_seed_and_of_every_seed_are_told_apart() -> None:
    def active(mu: float, beta: float, seed: int) -> float:
        return 0.0 if beta == 2 and (mu == 0 or seed == 0) else 4.0

    assert "where some seed collapsed although theory has it in use: (0, 2), (1, 2)" in " ".join(
        about_collapse(results(train_active_kl=active)).details
    )
    assert "In the cell that collapsed in every seed" in " ".join(
        about_the_source_maps(results(train_active_kl=active)).details
    )


def test_one_seed_gives_no_interval() -> None:
    config = small_config(seeds=(0,))
    answer = about_robustness(results(config, train_recovered_nats=_lines(0.8, 0.02), **ALIVE))
    assert answer.short.startswith("One seed gives readings, not an answer: as μ grows, where both are in use, the ")
    assert answer.short.endswith("reads as holding up better for β = 2, beside β = 1.")
    assert any("its share reads as holding up better as μ grows than that of β = 1" in line for line in answer.details)
    assert "no interval is available" in answer.details[-1]
    assert not any("±" in line for line in answer.details)


def test_collapse_is_not_robustness() -> None:
    """beta = 2 is perfectly flat, at zero: it must not be called robust."""
    answer = about_robustness(
        results(
            train_recovered_nats=_lines(0.0, 0.0),
            train_ceiling_nats=lambda *_: 1.0,
            train_active_kl=lambda mu, beta, seed: 0.0 if beta == 2 else 4.0,
        )
    )
    assert answer.short.startswith("This study cannot tell: ")
    assert any("nothing to be robust with" in line for line in answer.details)


def test_too_few_shared_mus() -> None:
    answer = about_robustness(results(train_active_kl=lambda mu, beta, seed: 4.0 if beta < 2 or mu == 1 else 0.0))
    assert any("at 1 value of μ only" in line for line in answer.details)


def test_without_a_larger_beta_it_cannot_say() -> None:
    assert "no β above 1" in about_robustness(results(small_config(betas=(0.5, 1.0)))).short


def test_a_study_that_follows_theory() -> None:
    study = results()
    answer = about_collapse(study)
    total = 4 * 3 * 3
    assert f"rightly of {total} of {total} (100%)" in answer.short
    assert not any(line.startswith("Cells (μ, β) where") for line in answer.details)
    assert "Collapse, for the most part" in about_the_source_maps(study).short


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "training ended after 300 steps, with a constant β, converged or not, so too little of it is a possible"),
        ({"beta_warmup_steps": 50}, "after 300 steps, with β on its way up for 50 of them, converged or not"),
        ({"patience": 3}, "until its objective stopped improving, so too little of it is an unlikely reason"),
    ],
)
def test_collapse_within_the_boundary_is_listed_with_its_likely_reason(fields: dict[str, int], reason: str) -> None:
    study = results(small_config(**fields), train_active_kl=lambda mu, beta, seed: 0.0 if beta > 0.5 else 4.0)
    line = next(line for line in about_collapse(study).details if line.startswith("Cells (μ, β) where some seed"))
    assert "(0, 1), (0, 2)" in line
    assert reason in line


def test_a_long_list_of_cells_is_cut() -> None:
    study = results(train_active_kl=lambda *_: 0.0)
    line = next(line for line in about_collapse(study).details if line.startswith("Cells (μ, β) where"))
    assert re.search(r"and \d more; training", line)


def test_the_baseline_is_quoted() -> None:
    answer = about_the_baseline(results())
    assert "3 runs" in answer.short
    assert "26%" in answer.short  # the synthetic column: 0.25, 0.26, 0.27
    assert "0.1121" in answer.details[1]
    assert "0.1067" in answer.details[0]
    assert "nearer to their error of truth → means, 0.05" in answer.details[1]
    reverse = results()
    columns = {"test_sample_to_truth_mse_lsq": 0.108, "test_truth_to_mean_mse_sgd": 1e-4}
    for name, value in columns.items():
        place = reverse.baseline.column_names.index(name)
        reverse = Results(reverse.config, reverse.table, reverse.baseline.set_column(place, name, [[value] * 3]))
    assert "nearer to this error than" in about_the_baseline(reverse).details[1]


def test_limits_name_saturation_divergence_and_stopping() -> None:
    lost = results(finite=lambda mu, beta, seed: (mu, beta, seed) != (0.0, 1.0, 0))
    answer = about_limits(lost)
    assert "300 steps" in answer.short
    assert "saturated for 12 models" in answer.details[0]
    assert "1 model has diverged and is left out" in " ".join(answer.details)
    stopped = about_limits(results(small_config(patience=4)))
    assert "until 4 validations" in stopped.short
    assert "36 of 36 reached the limit of 300" in stopped.short


def test_a_whole_mu_that_diverged_does_not_spoil_the_rest() -> None:
    study = results(finite=lambda mu, beta, seed: mu != 3.0)
    for answer in findings(study):
        assert not any("nan" in line for line in (answer.short, *answer.details)), answer
    assert not math.isnan(study.fraction_recovered()[0, 0, 0])


def test_theory_is_named_as_that_of_another_objective_where_it_is() -> None:
    assert "Linear theory, β" in about_collapse(results()).short
    other = about_collapse(results(small_config(objective="beta-tcvae"))).short
    assert "Linear theory of the β-VAE (these are beta-tcvae), β < β*(μ), says rightly" in other


@pytest.mark.parametrize(
    ("latents", "expected"),
    [
        (9, "where theory has one for each of the 4 blocks."),
        (3, "where theory has all 3 latents in use, for 3 of the 4 blocks."),
        (1, "where theory has the only latent in use, for 1 of the 4 blocks."),
    ],
)
def test_theory_has_no_more_latents_in_use_than_there_are(latents: int, expected: str) -> None:
    assert any(line.endswith(expected) for line in about_collapse(results(small_config(latents=latents))).details)


def test_one_model_is_one_model() -> None:
    study = results(small_config(mus=(0.0,), betas=(1.0,), seeds=(0,), steps=1))
    told = summary(study)
    assert "\n1 model, 1 seed, 1 step, preset quick;" in told and "The model was trained for 1 step," in told
    assert "The model has not collapsed altogether." in told and "1 of 1 model keeps at least one" in told
    assert not re.search(
        r"\b1 (models|steps|seeds|cells|runs)\b|every seed|on average|Models recover|of 1 models", told
    )


def test_one_mu_has_no_range_and_nothing_grows_with_it() -> None:
    study = results(small_config(mus=(0.0,), betas=(1.0, 20.0)))
    told = summary(study)
    assert about_robustness(study).short == (
        "This study cannot tell: it has one value of μ, and how recovery changes with μ takes two."
    )
    assert "It does not keep an active latent in every seed: there is nothing to be robust with." in told
    assert (
        "In the cell that collapsed in every seed PMI is 0 (against 0.05 in the others), and the decoded error " in told
    )
    assert "differs by 0.000 from 0.107, what answering the mean training image gives." in told
    assert not re.search(r"grows with|…|At no μ does|values of μ", told)


def test_cells_that_all_collapsed_are_compared_with_no_others() -> None:
    line = about_the_source_maps(results(small_config(betas=(20.0, 30.0)))).details[-1]
    assert line == (
        "In the 8 cells that collapsed in every seed PMI is 0 on average, and the decoded error differs by 0.000 on "
        "average from 0.107 … 0.292, what answering the mean training image gives: it grows with |μ| by itself."
    )
