"""MIG-sup sees what MIG does not: latents that hold two factors, and latents that hold none."""

import numpy as np
import pytest

from pyvae.metrics import mig, mig_sup
from tests.metrics import known


def test_known_codes() -> None:
    scores = {name: mig_sup(codes, known.factors()).value for name, codes in known.CODES.items()}
    for same in ("perfect", "permuted", "scaled", "exp", "duplicated"):
        assert scores[same] == pytest.approx(1, abs=0.01)
    assert scores["dead"] == pytest.approx(scores["perfect"] * 5 / 6)
    assert scores["constant"] == 0 and scores["noise"] < 0.02 and scores["mixed"] < 0.8 * scores["noisy"]


def test_a_latent_with_two_factors() -> None:
    """Three bits in two latents: the first holds two of them, and its gap is none."""
    bits = np.random.default_rng(0).integers(2, size=(2000, 3))
    codes = np.stack([2.0 * bits[:, 0] + bits[:, 1], bits[:, 2]], 1)
    score = mig_sup(codes, bits)
    assert score.parts["gaps"] == pytest.approx([0, 1], abs=0.02) and score.value == pytest.approx(0.5, abs=0.02)
    assert mig(codes, bits).value > 0.9


def test_dead_latents_are_told_apart() -> None:
    score = mig_sup(known.CODES["dead"], known.factors())
    assert score.parts["active"].tolist() == [True] * 5 + [False] and score.parts["of_active"] == pytest.approx(
        1, abs=0.01
    )


def test_of_posteriors_too() -> None:
    from pyvae.metrics import Codes

    mu = known.grid().astype(np.float32)[:1000]
    codes = Codes(mu, np.full_like(mu, -9.0))
    score = mig_sup(codes, known.factors().take(np.arange(1000)), samples=500)
    assert score.settings["estimator"] == "posterior" and score.low <= score.value <= score.high
    assert score.value > 0.8
