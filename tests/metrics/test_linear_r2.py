"""Linear probes where the answer is known."""

import numpy as np
import pytest

from pyvae.metrics import Factors, Measured, linear_r2
from tests.metrics import known

AMOUNTS = known.factors().labels


def test_known_codes() -> None:
    scores = {name: linear_r2(codes, AMOUNTS).value for name, codes in known.CODES.items()}
    for linear in ("perfect", "permuted", "scaled", "rotated", "duplicated", "dead", "with noise"):
        assert scores[linear] > 0.999
    assert scores["noisy"] == pytest.approx(1 / 1.01, abs=2e-3)
    assert scores["exp"] < 0.95 and scores["noise"] < 0.01 and scores["constant"] == pytest.approx(0, abs=1e-9)


def test_a_nominal_factor_is_taken_by_its_values() -> None:
    kinds = np.random.default_rng(0).integers(3, size=2000)
    codes = np.eye(3)[kinds][:, [1, 0]]
    assert linear_r2(codes, Factors(kinds, nominal=[0])).value == pytest.approx(1)
    # Of three kinds on a line the middle one is no linear function of the place.
    assert linear_r2(kinds.astype(float)[:, None], Factors(kinds, nominal=[0])).value < 0.9
    assert linear_r2(kinds.astype(float)[:, None], kinds).value == pytest.approx(1)


def test_intervals_cover_the_truth_and_are_not_wide() -> None:
    def drawn(seed: int) -> Measured:
        rng = np.random.default_rng(seed)
        factors = rng.normal(size=(600, 2))
        return linear_r2(factors + 0.5 * rng.normal(size=(600, 2)), factors, seed=seed)

    scores = [drawn(seed) for seed in range(60)]
    truth = 1 / 1.25
    assert np.mean([score.low <= truth <= score.high for score in scores]) >= 0.9
    spread = np.std([score.value for score in scores])
    assert np.median([score.high - score.low for score in scores]) < 2 * 2 * 1.96 * spread
