"""JEMMIG against its definition."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from pyvae.metrics import Codes, jemmig, mig
from tests.metrics import known


def test_of_bins_it_is_its_definition() -> None:
    codes, factors = known.noisy(), known.factors()
    cells = [np.argsort(np.argsort(z)) * 20 // len(z) for z in codes.T]  # 200 points a bin
    scores = []
    for v in factors.labels.T:
        entropy = mutual_info_score(v, v)
        information = [mutual_info_score(v, z) for z in cells]
        best, second = np.argsort(information)[::-1][:2]
        joint = entropy + mutual_info_score(cells[best], cells[best]) - information[best]
        scores.append(1 - (joint - information[best] + information[second]) / (entropy + np.log(20)))
    assert jemmig(codes, factors, estimator="histogram").value == pytest.approx(np.mean(scores), abs=2e-3)


def test_by_neighbours_it_is_its_formula_of_their_information() -> None:
    codes, factors = Codes(known.noisy(1.0)), known.factors()
    information = mig(codes, factors).parts["information"]
    top = np.sort(information, 0)
    terms = factors.entropies + np.maximum(np.log(20), top[-1]) - 2 * top[-1] + top[-2]
    score = jemmig(codes, factors)
    assert score.parts["jemmig"] == pytest.approx(terms, abs=5e-3)
    assert score.value == pytest.approx(np.mean(1 - terms / (factors.entropies + np.log(20))), abs=2e-3)
    assert score.settings["estimator"] == "neighbours" and score.settings["bins"] == "20 of equal shares"


@pytest.mark.parametrize("estimator", ["neighbours", "histogram"])
def test_known_codes(estimator: str) -> None:
    scores = {name: jemmig(codes, known.factors(), estimator=estimator) for name, codes in known.CODES.items()}
    for same in ("permuted", "scaled", "exp"):
        assert scores[same].value == pytest.approx(scores["perfect"].value, abs=1e-9)
    if estimator == "neighbours":
        assert scores["perfect"].value > 0.999 and scores["perfect"].ceiling == 1
    else:  # 20 bins cannot tell 32 values apart
        assert scores["perfect"].value == pytest.approx(scores["perfect"].ceiling, abs=1e-9)
        assert scores["perfect"].ceiling < 1
    values = [scores[name].value for name in ("perfect", "noisy", "mixed", "noise")]
    assert values == sorted(values, reverse=True)
    # Nothing told: 1 - (H(v) + 0) / (H(v) + log 20), the mean over factors.
    entropies = known.factors().entropies
    assert scores["constant"].value == pytest.approx((1 - entropies / (entropies + np.log(20))).mean(), abs=1e-3)


def test_where_classes_part_at_an_edge_the_information_is_not_lost() -> None:
    """Of four equal classes with gaps between them five bins of equal shares are one class each, in truth; of drawn
    rows an edge lies on one side or the other, and 0.03 nats are lost.
    """
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=(4000, 2))
    codes = labels + rng.uniform(-0.3, 0.3, size=labels.shape)
    by_bins = jemmig(codes, labels, estimator="histogram").parts["information"].diagonal()
    assert (np.log(4) - by_bins > 0.02).all()
    score = jemmig(codes, labels)
    assert np.log(4) == pytest.approx(score.parts["information"].diagonal(), abs=2e-3)
    assert score.low <= 1 - np.log(5) / np.log(80) <= score.high  # H(z) + 0 - log 4, of log 20 + log 4


def test_one_latent_has_no_next() -> None:
    with pytest.raises(ValueError, match="codes must have at least 2 latents"):
        jemmig(known.grid()[:, :1], known.factors())
    with pytest.raises(ValueError, match="bins must be at least 2, got 1"):
        jemmig(known.grid(), known.factors(), bins=1)
    with pytest.raises(ValueError, match="estimator must be neighbours or histogram, got 'posterior'"):
        jemmig(known.grid(), known.factors(), estimator="posterior")
