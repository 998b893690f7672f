"""Minimality where the answer is known, factors that depend on each other among it."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from pyvae.metrics import Codes, minimality, sufficiency
from tests.metrics import known


def test_known_codes() -> None:
    scores = {name: minimality(codes, known.factors()).value for name, codes in known.CODES.items()}
    for same in ("perfect", "permuted", "scaled", "duplicated", "dead"):
        assert scores[same] == pytest.approx(1, abs=1e-9)
    assert scores["constant"] == 0 and scores["noise"] < 0.04 and scores["noisy"] < 1
    assert scores["with noise"] == pytest.approx(0.5, abs=0.02)  # five of ten latents hold noise alone


def test_a_latent_with_two_bits_is_half_minimal() -> None:
    bits = np.random.default_rng(0).integers(2, size=(4000, 2))
    assert minimality(2.0 * bits[:, :1] + bits[:, 1:], bits).value == pytest.approx(0.5, abs=0.01)


def test_factors_that_depend_on_each_other_cost_nothing() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(4, size=4000)
    factors = np.stack([first, np.where(rng.random(4000) < 0.8, first, rng.integers(4, size=4000))], 1)
    assert minimality(factors.astype(float), factors).value == pytest.approx(1, abs=1e-9)


def test_of_posteriors_it_is_the_share_of_what_a_latent_holds_of_the_data() -> None:
    """A bit, told in full, and Gaussian means beside it that tell of nothing; the third latent has collapsed."""
    rng = np.random.default_rng(0)
    bit, logvar = rng.integers(2, size=2000), math.log(0.01)
    mu = np.stack([4.0 * bit, rng.normal(size=2000), np.zeros(2000)], 1).astype(np.float32)
    score = minimality(Codes(mu, np.full_like(mu, logvar)), bit, samples=4000)
    assert score.parts["active"].tolist() == [True, True, False] and score.settings["estimator"] == "posterior"
    assert score.parts["shares"][:2] == pytest.approx([1, 0], abs=0.02) and score.low <= score.value <= score.high


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("metric", [minimality, sufficiency])
def test_intervals_of_few_rows_hold_the_truth_of_noise_and_of_what_is_told(metric: Callable, seed: int) -> None:
    """Of 40 values and 15 bins chance adds 0.27 nats to the information of 1000 rows where codes are noise."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(40, size=(1000, 2))
    noise = metric(rng.normal(size=(1000, 2)), factors)
    assert noise.value > 0.05 and noise.low == 0
    told = metric(factors + rng.normal(size=(1000, 2)), factors)
    rows = rng.integers(40, size=(100_000, 2))
    assert told.low <= metric(rows + rng.normal(size=rows.shape), rows).value <= told.high


def test_pruning_and_refusals() -> None:
    codes = np.concatenate([known.grid(), 1e-3 * known.CODES["noise"]], 1)
    assert minimality(codes, known.factors()).value == pytest.approx(1, abs=1e-9)
    assert minimality(codes, known.factors(), pruning=None).value == pytest.approx(0.5, abs=0.02)
    with pytest.raises(ValueError, match="bins must be at least 2, got 1"):
        minimality(codes, known.factors(), bins=1)
    with pytest.raises(ValueError, match='pruning must be "range", "iqr" or None'):
        minimality(codes, known.factors(), pruning="all")  # type: ignore[arg-type]
