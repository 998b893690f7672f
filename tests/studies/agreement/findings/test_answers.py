"""Every answer in both directions, of studies whose answer is known."""

import dataclasses
import re

import numpy as np
import pyarrow as pa
import pytest

from pyvae.studies.agreement.findings.agreement import about_agreement
from pyvae.studies.agreement.findings.answers import findings
from pyvae.studies.agreement.findings.models import about_models
from pyvae.studies.agreement.findings.protocol import about_protocol, about_rotation
from pyvae.studies.agreement.findings.unsupervised import about_unsupervised
from pyvae.studies.agreement.findings.use import about_use
from pyvae.studies.agreement.findings.variance import about_variance
from pyvae.studies.agreement.texts import DISENTANGLEMENT, UNSUPERVISED
from tests.studies.agreement.synthetic import minus, noise, quality, results


def changed(made, **columns):
    table = made.table
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return dataclasses.replace(made, table=table)


def test_scores_that_are_one_number_agree_and_unrelated_ones_do_not() -> None:
    assert about_agreement(results()).short.startswith(
        "Yes: over 120 models of 5 seeds, of 105 pairs of scores 105 rank models "
        "alike (their interval lies above 0), 105 of them closely"
    )
    assert about_agreement(results(otherwise=noise)).short.startswith(
        "No: over 120 models of 5 seeds, of 105 pairs of scores "
    )


def test_scores_that_go_against_each_other_are_said_to() -> None:
    half = dict.fromkeys(list(DISENTANGLEMENT)[:3], minus(quality))
    answer = about_agreement(results(half))
    assert (
        answer.short.startswith("In part: over 120 models of 5 seeds, of 105 pairs of scores 69 rank models alike")
        and "36 against" in answer.short
    )
    assert "Least like the others is BetaVAE" in " ".join(answer.details)


def test_collapsed_models_are_counted_and_left_out() -> None:
    made = results()
    active = [0.0 if k < 20 else 3.0 for k in range(len(made.table))]
    out = changed(made, active_latents=active)
    answer = about_agreement(out)
    assert "With the 20 collapsed models the median correlation" in " ".join(answer.details)
    assert "over 100 models" in " ".join(answer.details)
    assert about_models(out).short.startswith(
        "Of 120 models 20 have collapsed (no active latent) and none has diverged"
    )
    few = changed(made, active_latents=[3.0 if k < 4 else 0.0 for k in range(len(made.table))])
    assert about_agreement(few).short == "This study cannot tell: 4 models are in use, and 10 are needed."


def test_use_is_predicted_or_is_not() -> None:
    assert "Downstream accuracy: yes, 15 of 15 scores rise with it" in about_use(results()).short
    unrelated = about_use(results({"downstream_accuracy": lambda o, s, r, rng: -quality(o, s, r, rng)})).short
    assert "Downstream accuracy: no, none of 15 scores rises with it" in unrelated and "15 go against it" in unrelated


def test_one_score_of_many_that_rises_with_use_is_hardly_a_prediction() -> None:
    made = results({"mig": quality, "downstream_accuracy": quality}, otherwise=noise)
    below = -0.5 * made.column("mig") + made.column("irs")  # against it, so that chance cannot lift it above 0
    made = changed(made, **{name: below.tolist() for name in DISENTANGLEMENT if name != "mig"})
    short = about_use(made).short
    assert "Downstream accuracy: hardly, MIG alone of 15 scores rises with it" in short and "0.4 such scores" in short


def test_what_strengths_do_to_both_is_no_prediction_among_seeds() -> None:
    """Use and scores answer to the strength; what seeds do to them has nothing in common."""
    by_strength = lambda o, s, r, rng: s + 0.3 * rng.uniform()  # noqa: E731
    short = about_use(results(otherwise=by_strength)).short
    assert re.search(
        r"Downstream accuracy: yes, 15 of 15 scores .*?, (none|1|2) (also )?among models of one objective", short
    )
    assert "15 also among models of one objective and strength" in about_use(results()).short


@pytest.mark.parametrize(
    ("score", "held"),
    [
        (lambda o, s, r, rng: 0.01 * o + rng.uniform(), "The seed matters more than the objective for 15 of them"),
        (lambda o, s, r, rng: o + rng.uniform(), "The objective matters more than the seed for 15 of them"),
        (
            lambda o, s, r, rng: s,
            "the strength 100%, the seed 0%. Whether seed or objective matters more is not settled",
        ),
    ],
)
def test_variance_belongs_to_what_makes_it(score, held) -> None:
    assert held in about_variance(results(otherwise=score)).short


def test_variance_of_two_seeds_has_no_verdict_and_of_one_no_share() -> None:
    assert about_variance(results(otherwise=noise, seeds=2)).short.endswith("takes three seeds or more.")
    assert about_variance(results(seeds=1)).short.startswith("This study cannot say: with one seed")


def test_unsupervised_scores_find_the_good_models_or_do_not() -> None:
    good = {name: quality if sign > 0 else minus(quality) for name, (_, sign) in UNSUPERVISED.items()}
    good.pop("active_latents")
    found = about_unsupervised(results(good))
    assert found.short.startswith("Yes: models with a better mean rank are told by UDR, Total correlation")
    assert "UDR puts first: on average 9" in " ".join(found.details) or "100%" in " ".join(found.details)
    bad = {name: minus(score) for name, score in good.items()}
    assert about_unsupervised(results(bad)).short.startswith("No: ")
    assert "these point the wrong way: UDR" in about_unsupervised(results(bad)).short
    nothing = about_unsupervised(results({**good, "udr": noise})).short
    assert nothing.startswith("In part: ")


def test_a_protocol_changes_the_verdict_or_does_not() -> None:
    assert about_protocol(results()).short.startswith("No: in each of 6 second protocols models rank closely")
    answer = about_protocol(results({"mig_20_bins": minus(quality)}))
    assert answer.short.startswith("Yes, in 1 of 6 second protocols: which of two objectives is better is reversed")
    assert "MIG (20 bins of means) −1.00" in answer.short
    assert "and reverse none" in " ".join(answer.details) and "DIP-VAE" in " ".join(answer.details)


def test_whether_a_protocol_matters_may_stay_open() -> None:
    """A correlation near 0.7 of few models: neither close nor apart."""
    other = lambda o, s, r, rng: quality(o, s, r, rng) + 0.45 * rng.uniform()  # noqa: E731
    made = results({"sap_not_standardised": other}, seeds=2)
    short = about_protocol(made).short
    assert short.startswith("Not shown: no second protocol reverses") and "SAP (codes as they are)" in short


def test_a_rotation_lowers_what_looks_at_single_latents() -> None:
    made = results({"rotated_mig": lambda *m: 0.0, "rotated_sap": lambda *m: 9.0, "rotated_dci": quality})
    answer = about_rotation(made)
    assert (
        "it leaves lower MIG of means; without a clear change DCI disentanglement" in answer.short
        and "higher SAP" in answer.short
    )
    scattered = about_rotation(results({f"rotated_{name}": noise for name in ("mig", "sap")}, otherwise=noise))
    assert "without a clear change MIG of means, SAP" in scattered.short
    assert answer.short.startswith("The ELBO stays what it is, to 0 nats at most. In the median over 120 models")


def test_refused_and_diverged_models_are_counted() -> None:
    made = results()
    refused = [{"objective": "beta-vae", "strength": 1.0, "seed": r, "metric": "sap", "reason": "no"} for r in range(2)]
    lost = [k > 0 for k in range(len(made.table))]
    nulls = [None if k < 3 else 0.5 + k for k in range(len(made.table))]
    out = changed(dataclasses.replace(made, scores=pa.Table.from_pylist(refused)), finite=lost, sap=nulls)
    answer = about_models(out)
    assert "1 has diverged; 1 score was refused" in answer.short and "SAP 1 times" in " ".join(answer.details)
    assert "over 117 models" in " ".join(about_agreement(out).details)
    many = changed(made, sap=[None] * len(made.table))
    many = dataclasses.replace(
        many,
        table=many.table.set_column(many.table.column_names.index("sap"), "sap", pa.array([np.nan] * len(made.table))),
    )
    assert "Left out, since too many models have none: SAP." in about_agreement(many).details
    assert "of 91 pairs" in about_agreement(many).short


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
            assert ("nan" not in text.lower().split() and re.search(r"\d", text)) or "one seed" in text


def test_a_study_of_diverged_models_says_so() -> None:
    made = results()
    answers = findings(changed(made, finite=[False] * len(made.table)))
    assert [answer.name for answer in answers] == ["divergence"]
