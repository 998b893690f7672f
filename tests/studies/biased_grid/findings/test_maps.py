"""Whether the source's maps follow collapse: closely, loosely, or not to be told from chance."""

import numpy as np
import pytest

from pyvae.studies.biased_grid.findings.maps import about_the_source_maps, followed
from pyvae.studies.biased_grid.theory import constant_decoder_mse
from tests.studies.biased_grid.synthetic import results, small_config


@pytest.mark.parametrize(
    ("pmi_follows", "decoded_follows", "verdict"),
    [
        (True, True, "Collapse, for the most part"),
        (True, False, "PMI follows collapse; the error of decoded projections cannot be told from unrelated"),
        (False, True, "PMI cannot be told from unrelated to collapse; the error of decoded projections follows"),
        (False, False, "This study cannot tell: rank correlations 0.00 and 0.00 over 12 cells are within"),
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


def test_maps_may_follow_a_collapse_of_some_latents() -> None:
    """No cell has lost all of its latents, yet both maps follow how many are left."""

    def active(mu: float, beta: float, seed: int) -> float:
        return 4.0 - mu

    study = results(
        train_active_kl=active,
        test_truth_to_mean_mse_sgd=lambda mu, beta, seed: 0.01 * active(mu, beta, seed),
        test_decoded_projection_mse_sgd=lambda mu, beta, seed: constant_decoder_mse(mu) * (1 - active(mu, 0, 0) / 8),
    )
    short = about_the_source_maps(study).short
    assert short.startswith("Collapse, for the most part: ")
    assert short.endswith(" No cell of this study has collapsed altogether in every seed.")


def test_maps_that_do_not_vary_decide_nothing() -> None:
    answer = about_the_source_maps(results(train_active_kl=lambda *_: 4.0))
    assert "vary too little" in answer.short
    assert not any("nan" in line for line in answer.details)


def test_few_cells_tell_nothing_and_say_how_many_they_are() -> None:
    """Four cells whose maps have the rank correlations 0.4 and -0.4 with how many latents are active."""
    order = {(0.0, 1.0): (1, 2), (0.0, 2.0): (2, 1), (1.0, 1.0): (3, 4), (1.0, 2.0): (4, 3)}
    swapped = {1: 3, 2: 1, 3: 2, 4: 4}

    def pmi(mu: float, beta: float, seed: int) -> float:
        return swapped[order[mu, beta][0]] / 100

    study = results(
        small_config(mus=(0.0, 1.0), betas=(1.0, 2.0), seeds=(0, 1)),
        train_active_kl=lambda mu, beta, seed: float(order[mu, beta][0]),
        test_truth_to_mean_mse_sgd=pmi,
        test_decoded_projection_mse_sgd=lambda mu, beta, seed: constant_decoder_mse(mu) * (1 - pmi(mu, beta, seed)),
    )
    answer = about_the_source_maps(study)
    assert answer.short.startswith(
        "This study cannot tell: rank correlations 0.40 and −0.40 over 4 cells are within what unrelated maps reach by "
        "chance."
    )
    assert answer.details[2] == (
        "These are of 4 cells (μ, β), means of 2 seeds; 5 are the fewest of which any rank correlation can be told "
        "from chance."
    )


@pytest.mark.parametrize(
    ("swap", "expected"),
    [
        (0, "PMI follows collapse"),
        (12, "PMI follows collapse, but not closely"),
        (20, "PMI cannot be told from unrelated to collapse"),
    ],
)
def test_how_closely_a_map_follows(swap: int, expected: str) -> None:
    active = np.arange(30.0)
    values = np.concatenate([active[:swap][::-1], active[swap:]])
    if swap == 20:
        values = np.tile([1.0, 2.0], 15)
    elif swap:
        values = active + 25 * (np.arange(30) % 2)
    one = followed("PMI", 1, active.reshape(5, 6), values.reshape(5, 6))
    assert one.cells == 30 and one.verdict == expected


def test_a_map_may_go_against_collapse() -> None:
    active = np.arange(12.0).reshape(3, 4)
    assert followed("PMI", 1, active, -active).verdict == "PMI goes against collapse"


def test_a_cell_that_has_no_number_is_not_counted() -> None:
    active = np.arange(12.0).reshape(3, 4)
    values = active.copy()
    values[0, 0] = np.nan
    assert followed("PMI", 1, active, values).cells == 11
