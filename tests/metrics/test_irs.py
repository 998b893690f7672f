"""IRS where it is known, and what noise scores."""

import numpy as np
import pytest

from pyvae.metrics import irs
from tests.metrics import known


def naive(codes: np.ndarray, factors: np.ndarray, quantile: float) -> float:
    """Suter et al. as disentanglement_lib computes it, with factors in 20 bins."""
    binned = np.stack([np.digitize(c, np.histogram(c, 20)[1][:-1]) for c in factors.T], 1)
    largest = np.abs(codes - codes.mean(0)).max(0)
    scores = np.zeros((codes.shape[1], factors.shape[1]))
    for k, column in enumerate(binned.T):
        groups = [codes[column == v] for v in np.unique(column)]
        far = [np.percentile(np.abs(g - g.mean(0)), 100 * quantile, axis=0) for g in groups]
        scores[:, k] = 1 - np.mean(far, 0) / largest
    return float(np.average(scores.max(1), weights=largest))


@pytest.mark.parametrize("name", ["perfect", "permuted", "scaled", "exp", "rotated", "duplicated", "mixed", "noise"])
def test_the_library_s_protocol_restated(name: str) -> None:
    codes, labels = known.CODES[name], known.factors().labels
    found = irs(codes, labels, protocol="disentanglement_lib")
    assert float(found) == pytest.approx(naive(codes, labels, 0.99), abs=1e-9)


@pytest.mark.parametrize("name", ["perfect", "permuted", "scaled", "exp", "duplicated", "dead"])
def test_a_latent_of_one_factor_scores_1(name: str) -> None:
    score = irs(known.CODES[name], known.factors())
    assert float(score) == pytest.approx(1, abs=1e-9) and score.parts["noise"] < 0.6


def test_each_latent_names_its_factor() -> None:
    score = irs(known.CODES["permuted"], known.factors())
    assert score.parts["parents"].tolist() == [3, 0, 4, 1, 2]
    assert irs(known.CODES["dead"], known.factors()).parts["active"].tolist() == [True] * 5 + [False]


def test_noise_is_named_beside_the_score() -> None:
    """metrics.md: Gaussian noise scores 0.34 to 0.40, heavy tails 0.8, uniform noise next to nothing."""
    rng = np.random.default_rng(0)
    of = {"gauss": rng.normal(size=(10_000, 5)), "t": rng.standard_t(3, size=(10_000, 5)), "u": rng.random((10_000, 5))}
    factors = np.stack([rng.integers(size, size=10_000) for size in (3, 6, 40, 32, 32)], 1)
    scores = {name: irs(noise, factors) for name, noise in of.items()}
    assert 0.33 < float(scores["gauss"]) < 0.41 and 0.75 < float(scores["t"]) < 0.9 and float(scores["u"]) < 0.03
    for score in scores.values():
        assert abs(score.value - score.parts["noise"]) < 0.03


def test_the_interval_speaks_of_so_many_rows() -> None:
    """The greatest deviation of more rows is greater: their score is none that the interval of fewer need hold."""
    rng = np.random.default_rng(0)
    few, many = (irs(rng.normal(size=(n, 5)), rng.integers(3, size=n)) for n in (1000, 30_000))
    assert few.high < many.low


def test_frequencies_weigh_the_values_of_a_factor() -> None:
    """A latent that is ±1 at value 0 of the factor and 0 at value 1: of nine rows in ten its deviation is 1."""
    factor = np.repeat([0, 1], [900, 100])
    codes = np.where(factor == 0, np.tile([1.0, -1.0], 500), 0.0)[:, None]
    assert float(irs(codes, factor)) == pytest.approx(0.1)
    assert float(irs(codes, factor, protocol="disentanglement_lib")) == pytest.approx(0.5)


def test_constant_codes_score_0_and_a_seed_fixes_it() -> None:
    assert float(irs(known.CODES["constant"], known.factors())) == 0
    first = irs(known.rotated(), known.factors(), seed=1)
    assert first == irs(known.rotated(), known.factors(), seed=1) and first.low < first.value < first.high


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="quantile must be from 0 to 1, got 99"):
        irs(known.grid(), known.factors(), quantile=99)
    with pytest.raises(ValueError, match="factors must have a row for each"):
        irs(known.grid()[:10], known.factors())
