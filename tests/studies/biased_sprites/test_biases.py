"""What each bias does, by enumeration of the grid."""

import math

import pytest
import torch

from pyvae.data import Bias
from pyvae.studies.biased_sprites.biases import bias_of, splits, table
from pyvae.studies.biased_sprites.config import KINDS
from pyvae.studies.biased_sprites.recipe import recipes
from pyvae.studies.errors import StudyError
from tests.studies.biased_sprites.tiny import TINY, tiny

SKEW, CORRELATE, REMOVE = KINDS
DATA = TINY.data.open()
FACTORS = DATA.test_factors()


def test_no_strength_is_no_bias() -> None:
    assert bias_of(TINY, SKEW, 0.0, DATA) == Bias.none


def test_parts_are_what_a_bias_makes_rarer() -> None:
    skewed, correlated, removed = (split.rare for split in splits(TINY, DATA, FACTORS))
    x, y = FACTORS[:, 3], FACTORS[:, 4]
    p = torch.exp(2.0 * torch.arange(4) / 3)
    assert skewed.tolist() == (p[x] / p.sum() < 0.25).tolist()
    assert correlated.tolist() == ((x - y).abs() > 1).tolist()
    assert removed.tolist() == ((x > 1) & (y > 1)).tolist()


def test_a_bias_in_numbers() -> None:
    skew, correlate, remove = table(TINY, DATA).to_pylist()
    p = torch.exp(2.0 * torch.arange(4) / 3).double()
    p = p / p.sum()
    assert skew["nats"] == pytest.approx(float((p * (4 * p).log()).sum()))
    assert skew["effective_share"] == pytest.approx(float(1 / (1 / p / 16).sum()))
    assert skew["effective_share"] * TINY.training.batch_size < skew["batch_effective"] < TINY.training.batch_size
    assert (skew["removed"], skew["rare"]) == (0.0, 0.5)
    assert 0 < correlate["effective_share"] < 1
    assert remove["nats"] == pytest.approx(-math.log(0.75)) and remove["removed"] == remove["rare"] == 0.25
    assert remove["effective_share"] is None and remove["batch_effective"] is None


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("skewed=size", "skew must be a bias of the data, but .*size"),
        (
            "removals=0.1",
            "remove must be a bias of the data, but removals must be larger: 0.1 of 4 values of x",
        ),
        ("removals=1", "remove must be a bias of the data, but "),
    ],
)
def test_a_bias_that_the_data_cannot_have_is_refused_before_a_run(override: str, sentence: str) -> None:
    with pytest.raises(StudyError, match=sentence):
        recipes(tiny(override))
