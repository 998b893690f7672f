"""Every sentence of the findings depends on the numbers: made-up studies, one for each thing that can be found."""

import math
import re
from collections.abc import Callable

import pytest

from pyvae.studies.biased_grid.findings.answers import (
    about_limits,
    about_recovery,
    about_robustness,
    about_the_baseline,
    findings,
)
from pyvae.studies.biased_grid.findings.collapse import about_collapse, about_the_source_maps
from pyvae.studies.biased_grid.results import Results
from pyvae.studies.biased_grid.theory import constant_decoder_mse
from tests.studies.biased_grid.synthetic import results, small_config

ALIVE = {"train_active_kl": lambda *_: 4.0, "train_ceiling_nats": lambda *_: 1.0}


def _lines(level: float, fall: float, scatter: float = 0.0) -> Callable[[float, float, int], float]:
    """beta = 1 has the share 0.8 - 0.1 mu; beta = 2 the given line, its slope scattered over seeds."""

    def share(mu: float, beta: float, seed: int) -> float:
        return level - (fall + scatter * (seed - 1)) * mu if beta == 2 else 0.8 - 0.1 * mu

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
        (0.8, 0.02, 0.0, "Yes, for β = 2"),
        (0.4, 0.02, 0.0, "there is less to lose"),
        (0.8, 0.20, 0.0, "holds up worse"),
        (0.8, 0.05, 0.2, "Not shown"),
    ],
)
def test_the_verdict_on_robustness(level: float, fall: float, scatter: float, verdict: str) -> None:
    answer = about_robustness(results(train_recovered_nats=_lines(level, fall, scatter), **ALIVE))
    assert verdict in answer.short
    assert "one seed" not in answer.short
    assert "95 % t interval over 3 seeds" in answer.details[-1]


@pytest.mark.parametrize(("fall", "word"), [(0.02, "better"), (0.2, "worse")])
def test_the_sentence_on_a_slope(fall: float, word: str) -> None:
    answer = about_robustness(results(train_recovered_nats=_lines(0.8, fall), **ALIVE))
    sentence = next(line for line in answer.details if line.startswith("β = 2"))
    assert f"holds up {word} as μ grows" in sentence
    assert "4 values of μ from 0 to 3" in sentence
    assert f"slopes differ by {0.1 - fall:+.3f} ± 0.000" in sentence


def test_a_slope_that_cannot_be_told_apart() -> None:
    answer = about_robustness(results(train_recovered_nats=_lines(0.8, 0.05, 0.2), **ALIVE))
    assert any("cannot be told from that of β = 1" in line for line in answer.details)


def test_one_seed_gives_no_interval() -> None:
    config = small_config(seeds=(0,))
    answer = about_robustness(results(config, train_recovered_nats=_lines(0.8, 0.02), **ALIVE))
    assert answer.short.startswith("One seed gives readings, not an answer: ")
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


def test_recovery_names_the_best_beta_and_its_share() -> None:
    answer = about_recovery(
        results(
            train_recovered_nats=lambda mu, beta, seed: 0.6 / beta,
            train_ceiling_nats=lambda *_: 2.0,
        )
    )
    assert "35%" in answer.short  # mean of 0.6, 0.3, 0.15
    assert "60%" in answer.short
    assert "At μ = 0 an image holds 2.00 nats" in answer.details[0]
    assert "β = 0.5: 1.20 nats, 60%" in answer.details[0]
    assert "β = 0.5 at 4 of 4 values of μ" in " ".join(answer.details)
    assert "Untrained models read 0.002 nats" in answer.details[-1]


def test_a_study_that_follows_theory() -> None:
    study = results()
    answer = about_collapse(study)
    total = 4 * 3 * 3
    assert f"rightly of {total} of {total} (100%)" in answer.short
    assert "(β, μ)" not in answer.short
    assert not any(line.startswith("Collapsed although") for line in answer.details)
    assert "Collapse, for the most part" in about_the_source_maps(study).short


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({}, "slow convergence rather than"), ({"beta_warmup_steps": 50}, "weaker"), ({"patience": 3}, "weaker")],
)
def test_collapse_within_the_boundary_is_listed_with_its_likely_reason(fields: dict[str, int], reason: str) -> None:
    study = results(small_config(**fields), train_active_kl=lambda mu, beta, seed: 0.0 if beta > 0.5 else 4.0)
    line = next(line for line in about_collapse(study).details if line.startswith("Collapsed although"))
    assert "(0, 1), (0, 2)" in line
    assert reason in line


def test_a_long_list_of_cells_is_cut() -> None:
    study = results(train_active_kl=lambda *_: 0.0)
    line = next(line for line in about_collapse(study).details if line.startswith("Collapsed although"))
    assert re.search(r"and \d more; training", line)


@pytest.mark.parametrize(
    ("pmi_follows", "decoded_follows", "verdict"),
    [
        (True, True, "Collapse, for the most part"),
        (True, False, "PMI follows collapse, and improves"),
        (False, True, "The error of decoded projections follows collapse; PMI"),
        (False, False, "Neither map follows"),
    ],
)
def test_the_verdict_on_the_source_maps(pmi_follows: bool, decoded_follows: bool, verdict: str) -> None:
    def active(mu: float, beta: float, seed: int) -> float:
        return 4.0 if mu + beta < 2.6 else 0.0

    def pmi(mu: float, beta: float, seed: int) -> float:
        return 0.01 * active(mu, beta, seed) if pmi_follows else 0.01 + 0.001 * abs(mu - 1.5)

    def decoded(mu: float, beta: float, seed: int) -> float:
        share = 1 - 0.1 * active(mu, beta, seed) if decoded_follows else 1 + 0.1 * abs(mu - 1.5)
        return constant_decoder_mse(mu) * share

    study = results(train_active_kl=active, test_truth_to_mean_mse_sgd=pmi, test_decoded_projection_mse_sgd=decoded)
    assert about_the_source_maps(study).short.startswith(verdict)


def test_maps_that_do_not_vary_decide_nothing() -> None:
    answer = about_the_source_maps(results(train_active_kl=lambda *_: 4.0))
    assert "vary too little" in answer.short
    assert not any("nan" in line for line in answer.details)


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
