"""The information of pairs of latents, known by its formula."""

import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from pyvae.metrics import mutual_information_score
from tests.metrics.test_gaussian_total_correlation import pair

LIBRARY = "disentanglement_lib"


def naive(z: np.ndarray) -> float:
    """disentanglement_lib: 20 bins of equal width, the mean over pairs of two."""
    cells = [np.digitize(c, np.histogram(c, 20)[1][:-1]) for c in z.T]
    both = [mutual_info_score(a, b) for i, a in enumerate(cells) for j, b in enumerate(cells) if i != j]
    return float(np.mean(both))


@pytest.mark.parametrize("whole", [False, True])
def test_the_library_s_protocol_restated(whole: bool) -> None:
    """Whole numbers from 0 to 20 lie on the edges of 20 bins."""
    z = pair(0.8, 3000, np.random.default_rng(1))
    z = np.clip(np.round(z * 4 + 10), 0, 20) if whole else z
    assert float(mutual_information_score(z, protocol="disentanglement_lib")) == pytest.approx(naive(z), abs=1e-9)


def test_latents_of_a_gaussian() -> None:
    """One pair of three has -log(1 - rho²) / 2; bins of equal shares lose some of it."""
    truth = -math.log1p(-0.64) / 2 / 3
    score = mutual_information_score(pair(0.8, 50_000))
    assert 0.9 * truth < float(score) < truth and score.ceiling == math.log(20)


def test_copies_reach_the_ceiling_and_independent_latents_0() -> None:
    z = np.random.default_rng(0).normal(size=(20_000, 3))
    assert float(mutual_information_score(np.repeat(z[:, :1], 2, 1))) == pytest.approx(math.log(20), abs=0.01)
    independent = mutual_information_score(z)
    assert float(independent) < 3e-3 and independent.low == 0
    assert float(mutual_information_score(z, protocol="disentanglement_lib")) > 3e-3  # what chance adds


def test_monotone_maps_change_no_bit_and_one_outlier_little() -> None:
    z = pair(0.8, 10_000)
    score = mutual_information_score(z)
    mapped = mutual_information_score(np.stack([np.exp(z[:, 0]), z[:, 1] ** 3, z[:, 2] * 1e-9], 1))
    assert mapped.value == score.value
    z[0, 0] = 1e9
    assert abs(mutual_information_score(z).value - score.value) < 1e-3
    assert mutual_information_score(z, protocol="disentanglement_lib").value < score.value / 2


def test_it_sees_a_square_and_leaves_dead_latents_out() -> None:
    x = np.random.default_rng(0).normal(size=5000)
    square = mutual_information_score(np.stack([x, x * x], 1))
    assert float(square) > 1
    dead = mutual_information_score(np.stack([x, x * x, np.zeros(5000)], 1))
    assert dead.value == square.value and dead.parts["active"].tolist() == [True, True, False]
    assert float(mutual_information_score(np.ones((10, 3)))) == 0


def test_intervals_hold_what_many_rows_give() -> None:
    for rho in (0.0, 0.7):
        truth = float(mutual_information_score(pair(rho, 400_000, np.random.default_rng(7))))
        found = [mutual_information_score(pair(rho, 6000, np.random.default_rng(s))) for s in range(60)]
        assert np.mean([f.low <= truth <= f.high for f in found]) >= 0.88


def test_what_chance_adds_to_few_rows_moves_the_interval_and_is_not_said_to_be_subtracted() -> None:
    few = mutual_information_score(np.random.default_rng(0).normal(size=(1000, 3)))
    assert few.value > 0.15 and few.low == 0 and few.parts["subtracted"] == 0
    many = mutual_information_score(np.random.default_rng(0).normal(size=(10_000, 3)))
    assert many.parts["subtracted"] == pytest.approx(19 * 19 / 2e4, rel=1e-9)
    library = mutual_information_score(np.random.default_rng(0).normal(size=(10_000, 3)), protocol=LIBRARY)
    assert library.parts["subtracted"] == 0 and library.low == 0


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="bins must be at least 2, got 1"):
        mutual_information_score(pair(0.5, 100), bins=1)
    with pytest.raises(ValueError, match="codes must hold at least 2 points"):
        mutual_information_score(np.ones((1, 3)))
