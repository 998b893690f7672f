"""Every sentence depends on the numbers: made-up studies, one for each thing that can be found."""

import math
import re
from dataclasses import replace

import pytest

from pyvae.report.answer import Answer
from pyvae.studies.biased_sprites.findings.answers import about_limits, findings
from pyvae.studies.biased_sprites.findings.recovery import about_factors, about_parts, losses
from pyvae.studies.biased_sprites.findings.robustness import about_robustness
from pyvae.studies.biased_sprites.findings.scores import about_scores
from pyvae.studies.biased_sprites.findings.weights import about_weights, closed
from tests.studies.biased_sprites.synthetic import Model, Share, results, small_config, usual


def lines(level: float, lost: float, *, scatter: float = 0.0, of: str = "") -> Share:
    """β = 1 falls from 0.8 by 0.1; β = 4 from `level` by `lost`, of the objective and kind named alone."""

    def share(model: Model) -> float:
        if model.beta == 1 or (of and of not in (model.objective, model.kind)):
            return 0.8 - 0.1 * (model.bias > 0)
        return level - (lost + scatter * (model.seed - 1)) * (model.bias > 0)

    return share


def sentences(answer: Answer) -> list[str]:
    return [answer.short, *answer.details]


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
@pytest.mark.parametrize("betas", [(1.0,), (1.0, 4.0), (0.0, 2.0, 8.0)])
def test_every_question_is_answered_in_whole_sentences(seeds: tuple[int, ...], betas: tuple[float, ...]) -> None:
    answers = findings(results(small_config(seeds=seeds, strengths=betas, skews=(2.0, 6.0))))
    assert [answer.name for answer in answers] == ["robustness", "weights", "factors", "parts", "scores", "limits"]
    for answer in answers:
        assert answer.question.endswith("?") and answer.details
        for sentence in sentences(answer):
            assert sentence.endswith(".")
            assert not re.search(r"\bnan\b|\binf\b|None|\{|  |-\d", sentence), sentence


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (lines(0.8, 0.02), "Yes: as the bias grows, the recovered share holds up better than at β = 1, and is at most"),
        (lines(0.4, 0.02), "No: as the bias grows, the recovered share holds up better but is lower on average, so th"),
        (lines(0.8, 0.2), "No: as the bias grows, the recovered share holds up worse than at β = 1 for β = 4 of beta-"),
        (lines(0.8, 0.1, scatter=0.1), "Not shown: as the bias grows, the difference from β = 1 cannot be told from "),
    ],
)
def test_the_verdict_follows_slopes_and_levels(share: Share, expected: str) -> None:
    short = about_robustness(results(share=share)).short
    assert short.startswith(expected)
    assert short.endswith(
        "β = 4 of beta-vae under skew, correlation and removal and "
        "β = 4 of beta-tcvae under skew, correlation and removal."
    )


def test_a_verdict_names_what_it_holds_for() -> None:
    for of, said in (("beta-tcvae", "β = 4 of beta-tcvae under skew, correlation and removal"), ("skew", "under skew")):

        def share(model: Model, of: str = of) -> float:
            return lines(0.8, 0.02 if of in (model.objective, model.kind) else 0.2)(model)

        short = about_robustness(results(share=share)).short
        bought, worse = short.split("; ")
        assert short.startswith("Yes, in part: ") and said in bought and "holds up worse" in worse
        assert "and is at most 0.05 lower, for" in bought and (of == "skew") == ("beta-vae under correlation" in worse)


def test_what_is_worse_in_one_case_is_no_verdict_on_the_others() -> None:
    def share(model: Model) -> float:
        return lines(0.8, 0.3)(model) if model.kind == "skew" else lines(0.8, 0.1, scatter=0.1)(model)

    answer = about_robustness(results(share=share))
    assert answer.short.startswith("Not shown: as the bias grows, the recovered share holds up worse than at β = 1 for")
    assert "; the difference from β = 1 cannot be told from zero for β = 4 of beta-vae under correl" in answer.short
    assert "intervals of 99.2 %, so that all 6 of its comparisons hold at once" in answer.details[-1]
    assert not any("one in twenty" in sentence for sentence in answer.details)


def test_what_single_intervals_show_is_no_verdict() -> None:
    """A slope that its own 95 % interval tells from zero, and that of six comparisons does not."""
    answer = about_robustness(results(share=lines(0.8, 0.06, scatter=0.01)))
    assert "which holds up better than β = 1" in answer.details[0]
    assert answer.short.startswith("Not shown: ")


def test_one_seed_gives_readings() -> None:
    study = results(small_config(seeds=(1,)), lines(0.8, 0.02, of="beta-vae"))
    answer = about_robustness(study)
    assert answer.short.startswith(
        "One seed gives readings, not an answer: as the bias grows, the recovered share reads"
    )
    assert "better for β = 4 of beta-vae under" in answer.short and "alike for β = 4 of beta-tcvae" in answer.short
    worse = about_robustness(results(small_config(seeds=(1,)), lines(0.8, 0.2, of="beta-vae")))
    assert "worse for β = 4 of beta-vae under" in worse.short
    assert not any("±" in sentence for sentence in sentences(answer))
    assert answer.details[-1].startswith("With one seed no interval is available")


def test_collapsed_models_are_not_robust() -> None:
    short = about_robustness(results(active=lambda model: 4.0 * (model.beta == 1))).short
    assert short.startswith("This study cannot tell: no larger β keeps latents in use")
    partly = about_robustness(results(active=lambda model: 4.0 * (model.beta == 1 or model.bias == 0)))
    assert "but both are in use at one strength of the bias only" in partly.details[0]
    assert "and it has 4.0 latents in use at strength 0, beside 4.0 at β = 1" in partly.details[0]
    assert about_robustness(results(small_config(strengths=(1.0,)))).short.startswith("This study has no β above 1")


def test_numbers_of_the_details_are_those_of_the_study() -> None:
    first = about_robustness(results()).details[0]
    assert first.startswith("beta-vae, skew: β = 1 recovers 0.800 ± 0.002 without bias and 0.700 ± 0.005 at skew 6; ")
    assert "β = 4 recovers 0.500" in first and "its mean share differs by −0.300 ± 0.003" in first
    assert "it has 4.0 and 4.0 latents in use at strength 0 and strength 6, beside 4.0 and 4.0 at β = 1" in first


def weighed(back: float, scatter: float = 0.0) -> Share:
    """Biases take 0.1, and weights bring back such a share of it."""

    def share(model: Model) -> float:
        again = (back + scatter * (model.seed - 1)) if model.weighted else 0.0
        return 0.8 - 0.1 * (model.bias > 0) * (1 - again)

    return share


def test_weights_close_what_they_close() -> None:
    study = results(share=weighed(0.6))
    found = closed(study)
    assert len(found) == 8 and all(one.share.mean == pytest.approx(0.6, abs=1e-9) for one in found)
    answer = about_weights(study)
    assert answer.short.startswith(
        "In 8 of 8 cells there are gaps that can be told from zero; of these 8 narrowed: weights close 60 ± "
    )
    assert answer.short.endswith(" of the gap (intervals of 99.8 %, so that all 24 hold at once; 3 seeds).")
    assert "a batch worth 2.0 images" in answer.short
    assert "60 ± " in answer.details[0] and "of a gap of 0.100 ± " in answer.details[0]
    assert any("12.50%" in sentence for sentence in answer.details)
    assert answer.details[-1].startswith("Removals have no weights")


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (
            weighed(-0.5),
            "In 8 of 8 cells there are gaps that can be told from zero; of these none is narrowed and 8 widened",
        ),
        (weighed(0.0, scatter=0.5), "of these none is narrowed and for 8 it cannot be told: weights close"),
        (
            lambda model: 0.8,
            "In none of 8 cells is there a gap that can be told from zero (intervals of 99.8 %, so that",
        ),
        (lambda model: math.nan if model.weighted else 0.8, "No weighted model gives a value."),
    ],
)
def test_weights_that_do_not_help(share: Share, expected: str) -> None:
    assert expected in about_weights(results(share=share)).short


def test_weights_are_paired_with_what_they_weigh_and_unbiased_models_with_nothing() -> None:
    """Weighted and biased models differ by seed alike, so that the gain is certain where the gap is not."""

    def share(model: Model) -> float:
        seeds = 0.05 * (model.seed - 1) * (model.bias > 0)
        return 0.8 + seeds - 0.1 * (model.bias > 0) * (0.5 if model.weighted else 1)

    for one in closed(results(share=share)):
        assert one.gain.above_zero and one.gap.undecided and not one.has_gap


def test_one_seed_reads_the_largest_gap() -> None:
    config = small_config(seeds=(1,))
    assert about_weights(results(config, weighed(0.6))).short == (
        "One seed gives readings: of the largest gap, 0.100 (beta-vae, skew 6, β = 1), 60 % is closed by a batch worth "
        "2.0 images."
    )
    tiny_gap = about_weights(results(config, lambda model: 0.8 - 0.005 * (model.bias > 0)))
    assert "0 % of a gap of 0.005 reads as closed" in tiny_gap.details[0]
    none = about_weights(results(config, lambda model: 0.8 + 0.005 * (model.bias > 0)))
    assert none.short == "One seed gives readings: in none of 8 cells does biased training read as worse."
    assert "no gap that reads so (−0.005)" in none.details[0]


def test_training_that_a_bias_helps_has_no_gap() -> None:
    answer = about_weights(results(share=lambda model: 0.8 + 0.1 * (model.bias > 0)))
    assert "no gap, since biased training recovers more (−0.100 ± 0.00" in answer.details[0]


def test_the_factor_that_loses_most_is_named() -> None:
    def share(model: Model) -> float:
        return usual(model) - 0.3 * (model.factor == "shape" and model.kind == "remove")

    answer = about_factors(results(share=share))
    assert answer.short.startswith(
        "At β = 1 12 of 12 losses can be told from zero, of which the one with the largest mean is that of shape under "
        "remove 0.5 (beta-vae), 0.400 ± "
    )
    assert answer.short.endswith(", from 0.800 (intervals of 99.6 %, so that all 12 hold at once; 3 seeds).")
    how = "(intervals of 99.6 %, so that all 12 hold at once; 3 seeds)."
    assert "x −0.100 ± " in answer.details[0] and "from 0.800" in answer.details[0]
    assert about_factors(results(share=lambda model: 0.8)).short == f"No factor's loss can be told from zero {how}"
    more = about_factors(results(share=lambda model: 0.7 + 0.1 * (model.kind == "skew")))
    assert more.short == f"No factor's loss can be told from zero; 4 of 12 shares are higher with the bias {how}"
    assert about_factors(results(share=lambda model: math.nan)).short == "No model gives a value."
    one = about_factors(results(small_config(seeds=(1,)), lambda model: 0.7 + 0.1 * (model.bias > 0)))
    assert one.short == "One seed reads no factor as losing anything."
    single = about_factors(results(small_config(seeds=(1,)), share)).short
    assert single.startswith(
        "One seed gives readings: at β = 1 the largest loss of 12 is that of shape under remove 0.5"
    )


def test_a_loss_that_its_own_interval_tells_is_not_picked_from_many() -> None:
    """Losses of 0.02 that scatter by 0.005: clear one by one, and not where twelve have to hold at once."""

    def share(model: Model) -> float:
        return 0.8 - (0.02 - 0.003 * (model.seed - 1)) * (model.kind == "skew" and model.factor == "x")

    study = results(share=share)
    assert sum(loss.lost().above_zero for loss in losses(study)) == 2
    assert about_factors(study).short.startswith("No factor's loss can be told from zero (intervals of 99.6 %")


def test_rare_images_lose_more_or_they_do_not() -> None:
    answer = about_parts(results())
    assert answer.short.startswith(
        "At β = 1 the loss is larger there: the share's change, less that of the other images"
    )
    assert "−0.100 (the same in all 3 seeds) under" not in answer.short
    assert (
        "−0.100 ± 0.00" in answer.short
        and "under skew (beta-vae)" in answer.short
        and "of images never drawn" in answer.details[2]
    )
    how = "(intervals of 99.2 %, so that all 6 hold at once; 3 seeds)"
    assert answer.short.endswith(f" {how}.")
    even = about_parts(results(share=lambda model: 0.8 - 0.1 * (model.bias > 0)))
    assert even.short == f"Not shown: at β = 1 a larger loss there can be told under none of 6 biases {how}."
    some = about_parts(results(share=lambda model: usual(model) if model.kind == "skew" else 0.8))
    assert some.short.endswith(" Of the others: under 4 the two losses cannot be told apart.")
    less = about_parts(results(share=lambda model: 0.8 - 0.1 * (model.bias > 0) * (model.part != "rare")))
    assert less.short == f"No: at β = 1 the loss is smaller there under each of 6 biases {how}."
    mixed = about_parts(
        results(share=lambda m: usual(m) - 0.2 * (m.kind == "remove" and m.bias > 0 and m.part == "often"))
    )
    assert mixed.short.endswith(" Of the others: under 2 it is smaller.")
    one = small_config(seeds=(1,))
    assert "the loss reads as larger there" in about_parts(results(one)).short
    flat = about_parts(results(one, lambda model: 0.8))
    assert flat.short == "One seed reads the loss at β = 1 as larger there under none of 6 biases."
    assert any("images never drawn: " in sentence and "MIG" in sentence for sentence in answer.details)
    assert about_parts(results(share=lambda model: math.nan)).short == "No model gives a value."


def test_scores_change_in_the_mean_over_pairs_and_are_counted_by_their_direction() -> None:
    answer = about_scores(results())
    assert answer.short.startswith("In the mean over 12 pairs of cells the strongest bias changes MIG by −0.010 ± 0.00")
    assert "; whether it changes the number of active latents (+0.000 (the same in all 3 seeds)) cannot" in answer.short
    assert answer.short.endswith("(intervals of 98.8 %, so that all 4 hold at once; 3 seeds).")
    assert re.match(r"Over 12 pairs and 3 seeds the mean change of MIG is −0\.010 ± 0\.00\d; it is", answer.details[1])
    assert answer.details[1].endswith("it is lower in 12 and higher in 0.")
    up = about_scores(results(share=lambda model: 0.5 + 0.1 * (model.bias > 0)))
    assert "changes MIG by +0.010 ± 0.00" in up.short and up.details[1].endswith("lower in 0 and higher in 12.")
    same = about_scores(results(active=lambda model: 4.0 - (model.bias > 0)))
    assert "it is lower in 0 and higher in 0. Of 12 there is no interval, since their seeds do" in same.details[0]
    assert same.details[0].endswith("these are lower in 12 and higher in 0.")
    flat = about_scores(results(share=lambda model: 0.5))
    assert flat.short.startswith("In the mean over 12 pairs of cells it cannot be told whether the strongest bias")
    one = about_scores(results(small_config(seeds=(0,))))
    assert one.short.startswith(
        "One seed gives readings: in the mean over 12 pairs of cells the strongest bias changes"
    )
    assert not any("±" in sentence for sentence in sentences(one))
    none = about_scores(results(share=lambda model: math.nan, active=lambda model: math.nan))
    assert none.short == "No model gives a value."


def test_a_seed_that_lacks_a_pair_is_in_no_mean() -> None:
    lost = about_scores(results(share=lambda m: math.nan if (m.kind, m.beta, m.seed) == ("skew", 4, 1) else usual(m)))
    assert lost.details[1].startswith("Over 12 pairs and 2 seeds the mean change of MIG is −0.010")


def test_limits_say_of_how_many_images_scores_are() -> None:
    whole = results()
    of_some = ['{"points": 60, "test_set": 128}'] * len(whole.table)
    place = whole.table.column_names.index("settings")
    some = replace(whole, table=whole.table.set_column(place, "settings", [of_some]))
    told = [line for line in about_limits(some).details if line.startswith("Scores are of 60 of the test set's 128")]
    assert len(told) == 1 and not any("128" in line for line in about_limits(whole).details)


def test_limits_say_how_models_were_trained_and_what_was_lost() -> None:
    assert about_limits(results()).short == "Every model was trained for 12 steps, whether or not it had converged."
    patient = about_limits(results(small_config(patience=2)))
    assert patient.short == "Models were trained until their objective stopped improving, for at most 12 steps."
    assert not any("diverged" in sentence for sentence in patient.details)
    lost = about_limits(results(share=lambda m: math.nan if (m.beta, m.bias, m.seed) == (4, 0, 1) else 0.5))
    assert "2 models have diverged and are left out of every number." in lost.details
    short = about_limits(results(small_config(warmup_steps=24)))
    assert any("Every β here stands for less than it says" in sentence for sentence in short.details)


def test_a_study_whose_models_have_all_diverged_has_no_answer() -> None:
    (answer,) = findings(results(share=lambda model: math.nan))
    assert answer.short.startswith("There is no answer: every model has diverged.")
