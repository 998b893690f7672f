"""DCIMIG where the answer is known."""

import numpy as np
import pytest

from pyvae.metrics import dcimig
from tests.metrics import known


def test_known_codes() -> None:
    scores = {name: dcimig(codes, known.factors()).value for name, codes in known.CODES.items()}
    for same in ("perfect", "permuted", "scaled", "exp", "duplicated", "dead", "with noise"):
        assert scores[same] == pytest.approx(1, abs=0.01)
    assert scores["constant"] == 0 and scores["noise"] < 0.02
    assert scores["perfect"] > scores["noisy"] > scores["mixed"] > scores["noise"]


def test_a_factor_that_no_latent_prefers_adds_nothing() -> None:
    """Of two bits the first has a latent, the second none: half of the entropy."""
    bits = np.random.default_rng(0).integers(2, size=(2000, 2))
    score = dcimig(bits[:, :1].astype(float), bits)
    assert score.parts["best"] == pytest.approx([np.log(2), 0], abs=0.01) and score.value == pytest.approx(
        0.5, abs=0.01
    )
