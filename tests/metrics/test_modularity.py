"""Modularity where the answer is known, and the library's number restated."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from pyvae.metrics import modularity
from tests.metrics import known


def test_known_codes() -> None:
    scores = {name: modularity(codes, known.factors()).value for name, codes in known.CODES.items()}
    for same in ("perfect", "permuted", "scaled", "exp", "duplicated"):
        assert scores[same] == pytest.approx(1, abs=0.01)
    assert scores["dead"] == pytest.approx(scores["perfect"] * 5 / 6) and scores["constant"] == 0
    assert scores["noisy"] > scores["mixed"]


def test_of_active_latents_a_dead_one_changes_nothing() -> None:
    score = modularity(known.CODES["dead"], known.factors())
    assert score.parts["of_active"] == pytest.approx(modularity(known.grid(), known.factors()).value)


def test_a_latent_with_two_bits_has_none() -> None:
    bits = np.random.default_rng(0).integers(2, size=(2000, 2))
    assert modularity(2.0 * bits[:, :1] + bits[:, 1:], bits).value == pytest.approx(0, abs=0.02)
    assert modularity(bits[:, :1].astype(float), bits[:, 0]).value == 1  # of one factor alone


def test_the_library_s_numbers_by_its_protocol_in_a_few_lines() -> None:
    codes, factors = known.CODES["with noise"], known.factors()
    binned = [np.digitize(z, np.histogram(z, 20)[1][:-1]) for z in codes.T]
    squared = np.array([[mutual_info_score(v, z) for v in factors.values.T] for z in binned]) ** 2
    best = squared.max(1)
    expected = (1 - (squared.sum(1) - best) / (best * (squared.shape[1] - 1))).mean()
    assert modularity(codes, factors, protocol="disentanglement_lib").value == pytest.approx(expected, abs=1e-9)
