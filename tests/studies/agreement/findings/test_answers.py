"""Every answer in both directions, of studies whose answer is known."""

import dataclasses
import re

import numpy as np
import pyarrow as pa
import pytest

from pyvae.report.statistics import Interval
from pyvae.studies.agreement.findings.agreement import about_agreement
from pyvae.studies.agreement.findings.answers import findings
from pyvae.studies.agreement.findings.models import about_limits, about_models
from pyvae.studies.agreement.findings.protocol import about_protocol, readings
from pyvae.studies.agreement.findings.rotation import Turned, about_rotation, sides
from pyvae.studies.agreement.findings.unsupervised import about_unsupervised
from pyvae.studies.agreement.findings.use import about_use
from pyvae.studies.agreement.findings.variance import _sides, about_variance, all_shares
from pyvae.studies.agreement.measures import UNROTATED
from pyvae.studies.agreement.texts import DISENTANGLEMENT, PROTOCOLS, UNSUPERVISED, USE
from tests.studies.agreement.synthetic import minus, noise, quality, results


def changed(made, **columns):
    table = made.table
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return dataclasses.replace(made, table=table)


def without(made, *names):
    return changed(made, **{name: [np.nan] * len(made.table) for name in names})


def with_scores(made, *names):
    """These scores of disentanglement only."""
    return without(made, *(set(DISENTANGLEMENT) - set(names)))


def details(answer) -> str:
    return " ".join(answer.details)


def test_scores_that_are_one_number_agree_and_unrelated_ones_do_not() -> None:
    assert about_agreement(results()).short.startswith(
        "Yes: over 120 models of 5 seeds, of 105 pairs of scores 105 rank models "
        "alike (correlation clearly above 0), 105 of them closely (clearly above 0.7), 0 against"
    )
    nothing = about_agreement(results(otherwise=noise))
    assert nothing.short.startswith(
        "No: over 120 models of 5 seeds, of 105 pairs of scores 0 rank models alike (correlation clearly above 0), 0 "
        "of them closely (clearly above 0.7), 0 against each other (clearly below 0), and 105 cannot be told from "
        "unrelated; 105 are clearly below 0.7."
    )
    assert "by the p values of 105 pairs together, by Holm (1979)" in details(nothing)


def test_whether_scores_agree_may_stay_open() -> None:
    """Correlations near 0.4 of few models: neither above 0 nor below 0.7."""
    loosely = lambda o, s, r, rng: quality(o, s, r, rng) + 0.7 * rng.uniform()  # noqa: E731
    assert about_agreement(results(otherwise=loosely, seeds=2)).short.startswith(
        "Not shown: over 48 models of 2 seeds, of 105"
    )


def test_scores_that_go_against_each_other_are_said_to() -> None:
    half = dict.fromkeys(list(DISENTANGLEMENT)[:3], minus(quality))
    answer = about_agreement(results(half))
    assert (
        answer.short.startswith("In part: over 120 models of 5 seeds, of 105 pairs of scores 69 rank models alike")
        and "36 against" in answer.short
    )
    assert "Least like the others is BetaVAE" in details(answer)


def test_agreement_of_few_scores_says_no_more_than_there_is() -> None:
    pair = about_agreement(with_scores(results(), "mig", "sap"))
    assert pair.short.startswith("Yes: over 120 models of 5 seeds, of 1 pair of scores 1 rank")
    assert pair.details[0] == (
        "Nearest are SAP and MIG, with a rank correlation of 1.00 (1.00 to 1.00) over 120 models of 5 seeds."
    )
    assert not any(word in details(pair) for word in ("Least like", "furthest", "Locatello"))
    readings_of_one = about_agreement(with_scores(results(seeds=1), "mig", "sap")).short
    assert readings_of_one.startswith("Readings of one seed: the rank correlation of 1 pair of scores over 24 models")
    lone = about_agreement(with_scores(results(), "mig"))
    assert lone.short == "This study cannot tell: most models have 1 score, and two are needed."
    constant = about_agreement(results(otherwise=lambda *model: 0.5))
    assert constant.short == "This study cannot tell: fewer than two scores vary over 120 models of 5 seeds."


def test_models_that_lack_a_score_are_said_to_be_left_out() -> None:
    made = results()
    sap = [np.nan if k < 3 else v for k, v in enumerate(made.column("sap"))]
    lacking = changed(made, sap=sap, active_latents=[0.0 if k == 0 else 3.0 for k in range(len(made.table))])
    said = "2 models in use of 119 are left out, since they lack a score: SAP (2)."
    for about in (about_agreement, about_use, about_unsupervised, about_protocol):
        assert said in about(lacking).details
    assert not any("left out, since" in sentence for one in findings(made) for sentence in one.details)
    use = changed(made, downstream_accuracy=[np.nan, *made.column("downstream_accuracy")[1:]])
    one = "1 model in use of 120 is left out, since it lacks a score: Downstream accuracy (1)."
    assert one in about_use(use).details and one not in about_agreement(use).details


def test_collapsed_models_are_counted_and_left_out() -> None:
    made = results()
    active = [0.0 if k < 20 else 3.0 for k in range(len(made.table))]
    out = changed(made, active_latents=active)
    answer = about_agreement(out)
    assert "With the 20 collapsed models that have every score the median correlation is 1.00" in details(answer)
    assert "over 100 models" in details(answer)
    assert about_models(out).short.startswith(
        "Of 120 models 20 have collapsed (no active latent) and none has diverged"
    )
    few = changed(made, active_latents=[3.0 if k < 4 else 0.0 for k in range(len(made.table))])
    needed = "1 pair of objective and strength, and 10 pairs are needed"
    sentence = f"This study cannot tell: 4 models in use have every score that this asks for, of {needed}."
    assert about_agreement(few).short == about_unsupervised(few).short == sentence
    assert about_use(few).short.count(needed) == len(USE) and details(about_protocol(few)).count(needed) == 6
    cells = [3.0 if k < 45 else 0.0 for k in range(len(made.table))]  # 45 models, of 9 cells
    assert about_agreement(changed(made, active_latents=cells)).short.startswith("This study cannot tell: 45 models")
    of_one_seed = results(seeds=1)
    seven = [3.0 if k < 7 else 0.0 for k in range(len(of_one_seed.table))]
    assert about_agreement(changed(of_one_seed, active_latents=seven)).short == (
        "This study cannot tell: 7 models in use have every score that this asks for, and 10 are needed."
    )


def test_collapsed_models_count_in_no_protocol() -> None:
    """They could reverse objectives: their scores are whatever they are."""
    made = results()
    mig, other = made.column("mig"), made.column("mig_20_bins")
    noisy = (made.objective == 4) & (made.column("strength") > 2)
    mig, other = np.where(noisy, 50.0, mig), np.where(noisy, -50.0, other)
    out = changed(made, mig=mig, mig_20_bins=other, active_latents=np.where(noisy, 0.0, 3.0))
    assert about_protocol(out).short.startswith("No: ")
    in_use = changed(out, active_latents=np.full(len(noisy), 3.0))
    assert about_protocol(in_use).short.startswith("Yes, in 1 of 6 second protocols: which of two objectives is better")


def test_objectives_are_compared_by_the_models_that_have_both_protocols() -> None:
    made = results()
    lost = (made.objective == 1) & (made.column("strength") == 2) & (made.seed < 4)
    out = changed(made, mig_20_bins=np.where(lost, np.nan, made.column("mig_20_bins")))
    one, whole = readings(out)[0], readings(made)[0]
    assert one.other == "mig_20_bins" and one.models == 116
    assert all(first == second for first, second in one.gaps.values())  # the scores are the same, so are the models
    pair = ("controlled-capacity", "factor-vae")
    assert one.gaps[pair][0] != whole.gaps[pair][0]


def test_use_is_predicted_or_is_not() -> None:
    assert "Downstream accuracy: yes, 15 of 15 scores clearly rise with it" in about_use(results()).short
    unrelated = about_use(results({"downstream_accuracy": lambda o, s, r, rng: -quality(o, s, r, rng)})).short
    assert "Downstream accuracy: no, none of 15 scores clearly rises with it, and 15 clearly go against it" in unrelated
    undecided = about_use(results(otherwise=noise)).short
    assert all(f"{use}: not shown, none of 15 scores clearly rises with it." in undecided for use in USE.values())


def test_use_that_does_not_vary_is_told_by_nothing() -> None:
    answer = about_use(results({"downstream_accuracy": lambda *model: 1.0}))
    assert answer.short.startswith("Statistical efficiency: yes, 15 of 15")
    assert answer.short.endswith(
        "Downstream accuracy: this study cannot tell, since it does not vary, or no score does."
    )
    both = about_use(results(otherwise=lambda *model: 1.0, seeds=1)).short
    assert both.startswith("Downstream accuracy: this study cannot tell") and "Readings" not in both


def test_one_score_that_varies_is_told_in_the_singular() -> None:
    made = with_scores(results(), "mig")
    assert "Downstream accuracy: yes, 1 of 1 score, MIG, clearly rises with it, 1 also among" in about_use(made).short
    alone = about_use(with_scores(results(seeds=1), "mig")).short
    assert "the rank correlation of 1 score with downstream accuracy over 24 models of 1 seed is 1.00" in alone


def test_one_score_of_many_may_rise_with_use() -> None:
    made = results({"mig": quality, "downstream_accuracy": quality}, otherwise=noise)
    below = -0.5 * made.column("mig") + made.column("irs")  # against it, so that chance cannot lift it above 0
    made = changed(made, **{name: below.tolist() for name in DISENTANGLEMENT if name != "mig"})
    short = about_use(made).short
    assert "Downstream accuracy: yes, 1 of 15 scores, MIG, clearly rises with it" in short


def test_among_seeds_nothing_is_told_of_cells_of_one_model() -> None:
    made = results()
    lone = changed(made, active_latents=np.where(made.seed == 0, 3.0, 0.0))
    assert "clearly rise with it, of which nothing can be told among models of one objective" in about_use(lone).short


def test_what_strengths_do_to_both_is_no_prediction_among_seeds() -> None:
    """Use and scores answer to the strength; what seeds do to them has nothing in common."""
    by_strength = lambda o, s, r, rng: s + 0.3 * rng.uniform()  # noqa: E731
    short = about_use(results(otherwise=by_strength)).short
    assert (
        "Downstream accuracy: yes, 15 of 15 scores clearly rise with it, none clearly so among models of one" in short
    )
    assert "15 also among models of one objective and strength" in about_use(results()).short


@pytest.mark.parametrize(
    ("score", "held"),
    [
        (lambda o, s, r, rng: 0.01 * o + rng.uniform(), "The seed clearly matters more than the objective for"),
        (lambda o, s, r, rng: o + rng.uniform(), "The objective clearly matters more than the seed for 15"),
        (
            lambda o, s, r, rng: s,
            "the strength 100%, the seed 0%. Whether seed or objective matters more is not settled",
        ),
    ],
)
def test_variance_belongs_to_what_makes_it(score, held) -> None:
    assert held in about_variance(results(otherwise=score)).short


def test_shares_of_all_scores_are_told_together() -> None:
    """A score whose seed matters more by its own interval is not told among fifteen."""
    made = all_shares(results(otherwise=lambda o, s, r, rng: 0.01 * o + rng.uniform()))
    one = next(iter(made.values()))
    unclear = one._replace(seed_over_objective=Interval(0.5, 0.3, 5))
    assert unclear.seed_over_objective.above_zero and unclear.p == pytest.approx(0.0099, rel=0.02)
    held = {name: one._replace(seed_over_objective=Interval(0.1, 0.3, 5)) for name in DISENTANGLEMENT}
    assert _sides({**held, "mig": unclear}) == ([], [])
    clear = {
        "mig": one._replace(seed_over_objective=Interval(0.5, 0.1, 5)),
        "sap": one._replace(seed_over_objective=Interval(-0.5, 0.1, 5)),
    }
    assert _sides({**held, **clear}) == (["mig"], ["sap"])


def test_variance_of_two_seeds_has_no_verdict_and_of_one_no_share() -> None:
    assert about_variance(results(otherwise=noise, seeds=2)).short.endswith("takes three seeds or more.")
    assert about_variance(results(seeds=1)).short.startswith("This study cannot say: with one seed")


def test_variance_of_one_objective_has_no_share_of_objectives() -> None:
    made = results(otherwise=noise)
    one = dataclasses.replace(made, table=made.table.filter(pa.array(made.objective == 0)))
    assert about_variance(one).short.endswith(
        "There is one objective only, which has nothing to be better or worse than."
    )
    constant = about_variance(results(otherwise=lambda *model: 0.5)).short
    assert constant.startswith("This study cannot tell: no score varies")


def test_unsupervised_scores_find_the_good_models_or_do_not() -> None:
    good = {name: quality if sign > 0 else minus(quality) for name, (_, sign) in UNSUPERVISED.items()}
    good.pop("active_latents")
    found = about_unsupervised(results(good))
    assert found.short.startswith("Yes: models with a better mean rank are clearly told by UDR, Total correlation")
    assert f"The 12 models of 120 that UDR puts first: on average {worse_than_best():.0%} of the" in details(found)
    bad = {name: minus(score) for name, score in good.items()}
    assert about_unsupervised(results(bad)).short.startswith("No: ")
    against = "clearly told by none of 9 numbers; these clearly point the wrong way: UDR"
    assert against in about_unsupervised(results(bad)).short
    assert about_unsupervised(results(otherwise=noise)).short.startswith(
        "Not shown: models with a better mean rank are"
    )
    nothing = about_unsupervised(results({**good, "udr": noise})).short
    assert nothing.startswith("In part: ")


def worse_than_best() -> float:
    """What share of the others is worse than each of the best twelve by `quality`, where equals count half."""
    values = np.sort(results().column("udr"))
    return float(np.mean([(values < v).sum() + ((values == v).sum() - 1) / 2 for v in values[-12:]])) / (
        len(values) - 1
    )


def test_without_the_numbers_it_names_the_question_has_other_readings() -> None:
    made = without(results(seeds=1), "udr", "aggregate_total_correlation")
    short = about_unsupervised(made).short
    assert re.match(r"Readings of one seed: rank correlations with the mean rank by all scores are [A-Z].* −?\d", short)
    assert about_unsupervised(with_scores(results())).short == (
        "This study cannot tell: no score of disentanglement is known for most models."
    )
    assert about_unsupervised(results(otherwise=lambda *model: 1.0)).short == "This study cannot tell: nothing varies."


def test_a_protocol_changes_the_verdict_or_does_not() -> None:
    assert about_protocol(results()).short.startswith("No: in each of 6 second protocols models rank closely")
    answer = about_protocol(results({"mig_20_bins": minus(quality)}))
    assert answer.short.startswith(
        "Yes, in 1 of 6 second protocols: which of two objectives is better is clearly reversed for MIG (20 bins of "
        "means) −1.00; models clearly do not rank closely (the correlation is below 0.7) for MIG (20 bins of means)"
    )
    assert "DIP-VAE I and " in answer.details[0] and not answer.details[0].endswith("they reverse none.")
    assert all(sentence.endswith("they reverse none.") for sentence in answer.details[1:6])
    assert "for all 180 comparisons together" in answer.details[7] and "pair" not in answer.details[7]


def test_protocols_of_objectives_that_are_equal_decide_nothing() -> None:
    same = lambda o, s, r, rng: quality(0, s, r, rng)  # noqa: E731
    short = about_protocol(results(otherwise=same)).short
    assert short.startswith("Not for the ranks of models: in each of 6 second protocols models rank closely")
    assert short.endswith("no comparison of objectives is decided by both protocols.")


def test_protocols_that_are_lacking_are_named() -> None:
    others = [other for one in PROTOCOLS.values() for other, _ in one]
    answer = about_protocol(without(results(), *others[1:]))
    assert answer.short.startswith("No: in the one second protocol models rank closely")
    assert "Modularity (20 bins of means) is not compared: 0 models in use have" in details(answer)
    assert about_protocol(without(results(), *others)).short == (
        "This study cannot tell: no score has two protocols that vary over enough models."
    )
    constant = about_protocol(results({others[0]: lambda *model: 1.0}))
    assert "MIG (20 bins of means) is not compared: one of the two does not vary." in constant.details


def test_whether_a_protocol_matters_may_stay_open() -> None:
    """A correlation near 0.7 of few models: neither close nor apart."""
    other = lambda o, s, r, rng: quality(o, s, r, rng) + 0.45 * rng.uniform()  # noqa: E731
    made = results({"sap_not_standardised": other}, seeds=2)
    short = about_protocol(made).short
    assert short.startswith("Not shown: ")
    assert "whether models rank closely as in the first (above 0.7) is open for SAP (codes as they are) 0." in short


def test_a_rotation_lowers_what_looks_at_single_latents() -> None:
    made = results({"rotated_mig": lambda *m: 0.0, "rotated_sap": lambda *m: 9.0, "rotated_dci": quality})
    answer = about_rotation(made)
    assert answer.short.startswith(
        "The ELBO moves by 0 nats at most. Of 120 models of 5 seeds rotated, clearly more are lower than higher by MIG "
        "(means, by neighbours) ("
    )
    assert "clearly more are higher than lower by SAP (120 higher); by DCI disentanglement (0 lower)" in answer.short
    assert "the sign test over models" in answer.details[-1] and "of 6 scores together by Holm" in answer.details[-1]
    scattered = about_rotation(results({f"rotated_{name}": noise for name in ("mig", "sap")}, otherwise=noise))
    assert " rotated, by MIG (means, by neighbours) (" in scattered.short and "clearly" not in scattered.short


def test_what_a_rotation_moves_is_told_of_all_scores_together() -> None:
    """One score of six that falls in 15 of 20 models is clear by itself (p = 0.04), and not among six."""

    def changes(one: int) -> dict[str, Turned]:
        up = np.where(np.arange(20) < 10, 1.0, -1.0)
        named = np.where(np.arange(20) < one, -1.0, 1.0)
        zero = np.zeros(20)
        return {name: Turned(zero, named if name == "mig" else up) for name in UNROTATED}

    assert sides(changes(15)) == dict.fromkeys(UNROTATED, 0)
    assert sides(changes(18)) == {**dict.fromkeys(UNROTATED, 0), "mig": -1}
    assert sides(changes(2))["mig"] == 1


def test_a_rotation_of_few_models_gives_readings() -> None:
    made = results({"rotated_sap": lambda *m: 9.0}, seeds=1)
    every = [name for name in made.table.column_names if name.startswith("rotated_")]
    some = np.arange(len(made.table)) < 8
    answer = about_rotation(changed(made, **{name: np.where(some, made.column(name), np.nan) for name in every}))
    assert (
        "Readings of 8 models of 1 seed: lower is MIG (means, by neighbours) in 0 of 8, SAP in 0 of 8" in answer.short
    )
    assert "clear" not in str(answer) and answer.details[1].endswith("lower in 0 and higher in 8 of 8 models.")


def test_a_rotation_of_some_models_or_none() -> None:
    made = results()
    sap = np.where(made.seed == 0, made.column("rotated_sap"), np.nan)
    some = about_rotation(changed(made, rotated_sap=sap))
    assert "Of 24 to 120 models of 5 seeds rotated, " in some.short
    every = [name for name in made.table.column_names if name.startswith("rotated_")]
    one = np.arange(len(made.table)) == 0
    first = about_rotation(changed(made, **{name: np.where(one, made.column(name), np.nan) for name in every}))
    assert "Readings of 1 model of 1 seed: " in first.short and first.details[0].endswith(" of 1 model.")
    none = about_rotation(without(made, *every)).short
    assert none == "This study cannot tell: no model in use has scores of its code rotated."


def test_refused_and_diverged_models_are_counted() -> None:
    made = results()
    refused = [{"objective": "beta-vae", "strength": 1.0, "seed": r, "metric": "sap", "reason": "no"} for r in range(2)]
    lost = [k > 0 for k in range(len(made.table))]
    nulls = [None if k < 3 else 0.5 + k for k in range(len(made.table))]
    out = changed(dataclasses.replace(made, scores=pa.Table.from_pylist(refused)), finite=lost, sap=nulls)
    answer = about_models(out)
    assert "1 has diverged; 1 score was refused" in answer.short and "Refused: SAP 1 time." in answer.details
    assert "over 117 models" in details(about_agreement(out))
    many = changed(made, sap=[None] * len(made.table))
    many = dataclasses.replace(
        many,
        table=many.table.set_column(many.table.column_names.index("sap"), "sap", pa.array([np.nan] * len(made.table))),
    )
    assert "Left out, since too many models have none: SAP." in about_agreement(many).details
    assert "of 91 pairs" in about_agreement(many).short


def test_models_of_one_strength_and_models_without_scores() -> None:
    made = results()
    first = dataclasses.replace(made, table=made.table.filter(pa.array(made.column("strength") == 1)))
    lone = about_models(first).details[0]
    assert lone.startswith("β-VAE, strength 1: ") and "in 3 active latents; 0 of 5 models collapsed." in lone
    unknown = about_models(without(made, "aggregate_information", "active_latents")).details[0]
    assert "from nats unknown in unknown active latents at the smallest to" in unknown


def test_limits_say_of_how_many_images_scores_are() -> None:
    some = results()
    row = {"settings": '{"points": 60, "test_set": 128}', "reason": None, "metric": "mig"}
    scores = pa.Table.from_pylist([row], schema=some.scores.schema)
    told = details(about_limits(dataclasses.replace(some, scores=scores)))
    assert "Scores are of 60 of the test set's 128 images" in told
    assert "test set's" not in details(about_limits(some))


def test_limits_say_what_intervals_are_over() -> None:
    several, one = details(about_limits(results())), details(about_limits(results(seeds=1)))
    assert "over cells, all models of one objective and strength at a time" in several and "Holm (1979)" in several
    assert "Intervals of correlations are over models, of this study" in one and "Holm" not in one


def test_one_seed_gives_readings_and_no_verdict() -> None:
    for answer in findings(results(seeds=1)):
        text = " ".join((answer.short, *answer.details))
        assert not re.match(r"(Yes|No|In part|Not shown)\b", answer.short), answer.short
        assert "cannot be told from unrelated" not in answer.short and "interval" not in answer.short
        if answer.name in ("agreement", "use", "unsupervised", "protocol"):
            assert answer.short.startswith("Readings of one seed"), answer.short
        assert not re.search(r"\d \(−?\d\.\d\d to", text), text


def test_every_answer_has_numbers_and_no_nan() -> None:
    for made in (results(), results(otherwise=noise), results(seeds=1), results(seeds=2)):
        answers = findings(made)
        assert len({answer.name for answer in answers}) == len(answers) == 8
        for answer in answers:
            text = " ".join((answer.short, *answer.details))
            assert not re.search(r"\bnan\b", text, re.IGNORECASE), text
            untold = answer.name == "variance" and not made.config.several_seeds
            assert bool(re.search(r"\d", text)) != untold, text


def test_studies_without_anything_to_tell_say_so() -> None:
    made = results()
    collapsed = changed(made, active_latents=np.zeros(len(made.table)))
    unscored = without(made, *DISENTANGLEMENT, *USE)
    constant = results(otherwise=lambda *model: 0.5)
    for study in (collapsed, unscored, constant, results(otherwise=lambda *model: 0.5, seeds=1)):
        answers = {answer.name: answer for answer in findings(study)}
        for answer in answers.values():
            text = " ".join((answer.short, *answer.details))
            assert not re.search(r"\bnan\b|\binf\b|\b1 (models|pairs|scores|seeds|times) ", text, re.IGNORECASE), text
        assert "cannot tell" in answers["agreement"].short and "cannot tell" in answers["use"].short
        assert "cannot tell" in answers["unsupervised"].short


def test_a_study_of_diverged_models_says_so() -> None:
    made = results()
    answers = findings(changed(made, finite=[False] * len(made.table)))
    assert [answer.name for answer in answers] == ["divergence"]
