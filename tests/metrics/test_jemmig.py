"""JEMMIG against its definition."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from pyvae.metrics import jemmig
from tests.metrics import known


def test_it_is_its_definition() -> None:
    codes, factors = known.noisy(), known.factors()
    cells = [np.argsort(np.argsort(z)) * 20 // len(z) for z in codes.T]  # 200 points a bin
    scores = []
    for v in factors.labels.T:
        entropy = mutual_info_score(v, v)
        information = [mutual_info_score(v, z) for z in cells]
        best, second = np.argsort(information)[::-1][:2]
        joint = entropy + mutual_info_score(cells[best], cells[best]) - information[best]
        scores.append(1 - (joint - information[best] + information[second]) / (entropy + np.log(20)))
    assert jemmig(codes, factors).value == pytest.approx(np.mean(scores), abs=2e-3)


def test_known_codes() -> None:
    scores = {name: jemmig(codes, known.factors()) for name, codes in known.CODES.items()}
    for same in ("permuted", "scaled", "exp"):
        assert scores[same].value == pytest.approx(scores["perfect"].value, abs=1e-9)
    assert (
        scores["perfect"].value == pytest.approx(scores["perfect"].ceiling, abs=1e-9) and scores["perfect"].ceiling < 1
    )
    values = [scores[name].value for name in ("perfect", "noisy", "mixed", "noise")]
    assert values == sorted(values, reverse=True)
    # Nothing told: 1 - (H(v) + 0) / (H(v) + log 20), the mean over factors.
    entropies = known.factors().entropies
    assert scores["constant"].value == pytest.approx((1 - entropies / (entropies + np.log(20))).mean(), abs=1e-3)


def test_one_latent_has_no_next() -> None:
    with pytest.raises(ValueError, match="codes must have at least 2 latents"):
        jemmig(known.grid()[:, :1], known.factors())
    with pytest.raises(ValueError, match="bins must be at least 2, got 1"):
        jemmig(known.grid(), known.factors(), bins=1)
