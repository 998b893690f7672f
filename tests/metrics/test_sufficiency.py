"""Sufficiency where the answer is known, and its ceiling."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from pyvae.metrics import Codes, sufficiency
from tests.metrics import known


def test_known_codes() -> None:
    scores = {name: sufficiency(codes, known.factors()) for name, codes in known.CODES.items()}
    perfect = scores["perfect"]
    assert perfect.value == pytest.approx(perfect.ceiling, abs=1e-9) and perfect.ceiling < 1  # 15 bins for 32 values
    for same in ("permuted", "scaled", "duplicated", "dead", "with noise"):
        assert scores[same].value == pytest.approx(perfect.value, abs=1e-9)
    assert scores["constant"].value == 0 and scores["noise"].value < 0.02
    assert scores["noisy"].value > scores["mixed"].value


def test_it_is_its_definition() -> None:
    rng = np.random.default_rng(0)
    factors = rng.integers(4, size=(3000, 2))
    codes = factors + 0.4 * rng.normal(size=factors.shape)
    binned = [np.digitize(z, np.histogram(z, 15)[1][:-1]) for z in codes.T]
    shares = [max(mutual_info_score(v, z) for z in binned) / mutual_info_score(v, v) for v in factors.T]
    assert sufficiency(codes, factors).value == pytest.approx(np.mean(shares), abs=0.01)  # less the bias of few rows


def test_two_latents_for_one_factor_are_less_than_one() -> None:
    """Of four values each latent tells one bit."""
    values = np.random.default_rng(0).integers(4, size=4000)
    codes = np.stack([values // 2, values % 2], 1).astype(float)
    assert sufficiency(codes, values).value == pytest.approx(0.5, abs=0.01)


def test_of_posteriors() -> None:
    bits = np.random.default_rng(0).integers(2, size=(1000, 2))
    mu = (4.0 * bits).astype(np.float32)
    score = sufficiency(Codes(mu, np.full_like(mu, -4.0)), bits, samples=2000)
    assert score.settings["estimator"] == "posterior" and score.value == pytest.approx(1, abs=0.03)
