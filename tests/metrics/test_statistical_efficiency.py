"""Statistical efficiency: few rows against many."""

import numpy as np
import pytest

from pyvae.metrics import Codes, Measured, downstream_accuracy, statistical_efficiency
from tests.metrics import known


def test_what_few_rows_teach_is_a_share_of_what_many_do() -> None:
    codes = Codes(known.noisy(0.3))
    score = statistical_efficiency(codes, known.factors())
    assert score.parts["accuracy"] == pytest.approx(downstream_accuracy(codes, known.factors()).value)
    assert score.value == pytest.approx(score.parts["of_few"] / score.parts["accuracy"])
    assert score.value < 0.95
    assert statistical_efficiency(codes, known.factors(), few=1000).value > score.value
    assert statistical_efficiency(codes, known.factors(), few=10_000).value == 1


def test_a_code_that_says_nothing_is_as_good_with_few_rows() -> None:
    assert statistical_efficiency(known.CODES["constant"], known.factors()).value == pytest.approx(1, abs=0.15)


def test_an_interval_is_as_wide_as_the_score_spreads() -> None:
    def drawn(seed: int) -> Measured:
        rng = np.random.default_rng(seed)
        factors = rng.integers(3, size=(900, 2))
        return statistical_efficiency(factors + 0.6 * rng.normal(size=(900, 2)), factors, few=30, seed=seed)

    scores = [drawn(seed) for seed in range(40)]
    spread = np.std([score.value for score in scores])
    width = np.median([(score.high - score.low) / 2 / 1.96 for score in scores])
    assert 0.5 < width / spread < 2


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^few must be at least 1, got 0\.$"):
        statistical_efficiency(known.grid(), known.factors(), few=0)
