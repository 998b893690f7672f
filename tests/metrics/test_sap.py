"""SAP where the answer is known, and the library's number by its own classifier."""

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from pyvae.metrics import Factors, Measured, sap
from tests.metrics import known

DSPRITES = (3, 6, 40, 32, 32)


def of_dsprites(rows: int = 6000) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(size, size=rows) for size in DSPRITES], 1)


def test_a_perfect_code_of_dsprites_factors_has_its_ceiling_of_a_quarter() -> None:
    factors = of_dsprites()
    score = sap(factors.astype(float), factors)
    assert score.value == score.ceiling == pytest.approx(0.24, abs=0.02)
    assert sap(factors.astype(float), factors, continuous=True).value == pytest.approx(0.9996, abs=1e-3)


def test_standardised_codes_do_not_move_and_others_do() -> None:
    factors = of_dsprites()
    codes = (factors - factors.mean(0)) / factors.std(0)
    scores = [sap(codes * scale + shift, factors) for scale, shift in ((1, 0), (0.01, 0), (1, 10), (1e6, -3e6))]
    assert np.ptp([score.value for score in scores]) < 1e-9
    as_given = [
        sap(codes * scale + shift, factors, protocol="disentanglement_lib") for scale, shift in ((1, 0), (1, 10))
    ]
    assert as_given[0].value > as_given[1].value + 0.05


def test_known_codes() -> None:
    found = {name: sap(codes, known.factors(), continuous=True) for name, codes in known.CODES.items()}
    scores = {name: score.value for name, score in found.items()}
    assert scores["permuted"] == pytest.approx(scores["perfect"], abs=1e-9)
    assert scores["dead"] == pytest.approx(scores["perfect"], abs=2e-3)
    # The first factor has two latents now: its gap is gone.
    assert found["duplicated"].parts["gaps"] == pytest.approx(found["perfect"].parts["gaps"] * [0, 1, 1, 1, 1])
    assert scores["perfect"] > scores["noisy"] > scores["mixed"] > scores["noise"]
    assert scores["constant"] == 0


@pytest.mark.parametrize("name", ["with noise", "rotated", "exp", "duplicated"])
def test_the_library_s_number_by_its_own_classifier(name: str) -> None:
    codes, labels, cut = known.CODES[name][:1500], known.factors().labels[:1500], 1000
    accuracies = np.empty((codes.shape[1], 5))
    for d, k in np.ndindex(accuracies.shape):
        machine = LinearSVC(C=0.01, class_weight="balanced").fit(codes[:cut, d : d + 1], labels[:cut, k])
        accuracies[d, k] = machine.score(codes[cut:, d : d + 1], labels[cut:, k])
    ordered = np.sort(accuracies, 0)
    score = sap(codes[:cut], labels[:cut], test=(codes[cut:], labels[cut:]), protocol="disentanglement_lib")
    assert score.value == pytest.approx((ordered[-1] - ordered[-2]).mean(), abs=5e-3)
    assert np.abs(score.parts["scores"] - accuracies).max() < 0.02


def test_amounts_go_by_correlation_and_kinds_never_do() -> None:
    rng = np.random.default_rng(0)
    amount, kind = rng.normal(size=2000), rng.integers(3, size=2000)
    factors = Factors(np.stack([amount, kind], 1), nominal=[1])
    score = sap(np.stack([2 * amount + 1, rng.normal(size=2000)], 1), factors)
    assert score.settings["amounts"] == ["factor 0"]
    assert score.parts["scores"][0, 0] == pytest.approx(1)
    assert sap(np.stack([amount, kind], 1), factors, continuous=True).settings["amounts"] == ["factor 0"]


def test_an_interval_is_as_wide_as_the_score_spreads() -> None:
    def drawn(seed: int) -> Measured:
        rng = np.random.default_rng(seed)
        factors = rng.integers(4, size=(900, 3))
        return sap(factors + 0.7 * rng.normal(size=(900, 3)), factors, seed=seed)

    scores = [drawn(seed) for seed in range(40)]
    spread = np.std([score.value for score in scores])
    width = np.median([(score.high - score.low) / 2 / 1.96 for score in scores])
    assert 0.5 < width / spread < 2


def test_a_test_part_of_another_shape_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^test must have 5 latents and 5 factors as codes and factors have, got 4 and 5\.$"
    ):
        sap(known.grid(), known.factors(), test=(known.grid()[:, :4], known.factors()))
    with pytest.raises(
        ValueError, match=r"^factors must hold at least two values of each factor, got one of factor 0\.$"
    ):
        sap(known.grid(), np.zeros(known.ROWS))
