"""Which beta recovers the most is told by intervals, and only where it is more than untrained models read."""

import pytest

from pyvae.studies.biased_grid.findings.recovery import about_recovery
from pyvae.studies.biased_grid.results import Results
from pyvae.studies.biased_grid.theory import linear_theory_recovered
from tests.studies.biased_grid.synthetic import Measure, results, small_config


def recovering(nats: Measure, **fields: object) -> Results:
    """A study whose images hold two nats."""
    return results(small_config(**fields), train_recovered_nats=nats, train_ceiling_nats=lambda *_: 2.0)


def test_the_best_beta_has_its_interval_and_what_it_is_clear_of() -> None:
    answer = about_recovery(recovering(lambda mu, beta, seed: 0.6 / beta * (1 + 0.01 * (seed - 1))))
    assert answer.short == (
        "Models recover 0.350 ± 0.009 of what the noised images hold of the true latents, averaged over μ and β "
        "(3 seeds); the highest mean of a cell is 0.600 ± 0.015, at μ = 0 and β = 0.5."
    )
    assert answer.details[0] == (
        "At μ = 0 an image holds 2.00 nats of the true latents; the most is recovered at β = 0.5: 1.200 ± 0.030 nats "
        "(60% of them, a lower bound, 3 seeds), clear of every other β."
    )
    assert answer.details[2] == (
        "At 4 of 4 values of μ more is recovered than untrained models read by chance (3 seeds); clear of every other "
        "β is β = 0.5 at 4."
    )
    assert answer.details[3].endswith(
        "rests on Welch's intervals of 98.33 %, so that all 3 pairs of β hold at once at a μ."
    )


def test_betas_that_the_best_is_not_clear_of_are_named() -> None:
    def nats(mu: float, beta: float, seed: int) -> float:
        return (0.2 if beta == 2 else 1.0 + 0.01 * (beta == 0.5)) + 0.01 * (seed - 1)

    answer = about_recovery(recovering(nats))
    assert (
        "at β = 0.5: 1.010 ± 0.025 nats (50% of them, a lower bound, 3 seeds), clear of all but β = 1."
        in (answer.details[0])
    )
    assert answer.details[2].endswith("; at none of them is one β clear of every other.")


def test_where_seeds_scatter_more_than_betas_differ_it_cannot_be_told() -> None:
    answer = about_recovery(recovering(lambda mu, beta, seed: 1.0 + 0.01 * beta + 0.1 * (seed - 1)))
    assert (
        "by which β the most is recovered cannot be told, the highest mean is at β = 2: 1.020 ± 0.248 nats"
        in (answer.details[0])
    )


def test_what_untrained_models_read_is_not_recovered() -> None:
    """They read 0.002 nats."""
    answer = about_recovery(recovering(lambda mu, beta, seed: 0.001 * (1 + 0.1 * seed) / beta))
    assert answer.short == (
        "Nothing is shown to be recovered: models read 0.001 ± 0.000 of what the noised images hold of the true "
        "latents, averaged over μ and β (3 seeds), and at no μ is the highest clear of what untrained models read by "
        "chance."
    )
    assert answer.details[0] == (
        "At μ = 0 an image holds 2.00 nats of the true latents; none is shown to be recovered: the highest mean, 0.002 "
        "± 0.000 nats at β = 0.5 (0% of them, a lower bound, 3 seeds), is not clear of what untrained models read by "
        "chance (0.002 (the same in all 3 seeds), 3 runs)."
    )
    assert answer.details[2] == "At no μ is it shown that more is recovered than untrained models read by chance."


def test_a_mean_above_them_that_is_not_clear_of_them_is_not_recovered() -> None:
    answer = about_recovery(recovering(lambda mu, beta, seed: 0.3 if seed == 1 else 0.0))
    assert answer.short.startswith("Nothing is shown to be recovered: models read 0.050 ± 0.215 of")


@pytest.mark.parametrize(("nats", "recovered"), [(0.1, True), (0.001, False)])
def test_one_seed_gives_readings(nats: float, recovered: bool) -> None:
    answer = about_recovery(recovering(lambda mu, beta, seed: nats / beta, seeds=(0,)))
    told = " ".join((answer.short, *answer.details[:3]))
    assert ("the highest reading is at β = 0.5: " in told) == recovered
    assert ("the highest reading is that of β = 0.5 at 4." in told) == recovered
    assert ("none is shown to be recovered" in told) != recovered
    assert "(1 seed)" in told and "±" not in told and "highest mean" not in told


def test_one_beta_is_no_best_one() -> None:
    answer = about_recovery(recovering(lambda mu, beta, seed: 0.5 + 0.01 * seed, betas=(1.0,)))
    assert "; models recover at β = 1: 0.510 ± 0.025 nats (26% of them, a lower bound, 3 seeds)." in answer.details[0]
    assert not any("clear of" in line for line in answer.details)


def test_theory_recovers_no_more_blocks_than_there_are_latents() -> None:
    study = results(small_config(latents=1))
    expected = linear_theory_recovered(0.0, 1.0, blocks=1) / study.ceilings[0]
    assert study.linear_theory_fraction(1.0)[0] == pytest.approx(expected)
    assert "The best linear VAE of 1 latent would recover 0.1" in " ".join(about_recovery(study).details)
    assert results(small_config(latents=9)).linear_theory_latents == 4


def test_theory_of_the_beta_vae_is_put_beside_no_other_objective() -> None:
    details = about_recovery(results(small_config(objective="beta-tcvae"))).details
    assert not any("linear VAE" in line for line in details)


def test_chance_that_prints_as_zero_is_left_out() -> None:
    study = results()
    nothing = study.baseline.set_column(
        study.baseline.column_names.index("train_recovered_nats"), "train_recovered_nats", [[0.0001] * 3]
    )
    assert any("smaller differences" in line for line in about_recovery(study).details)
    assert not any(
        "smaller differences" in line for line in about_recovery(Results(study.config, study.table, nothing)).details
    )
