"""InfoMEC where the answer is known, and against its formulas."""

import numpy as np
import pytest

from pyvae.metrics import Codes, infomec
from pyvae.metrics.estimators.information import information_of
from tests.metrics import known


def test_known_codes() -> None:
    names = ("perfect", "permuted", "scaled", "duplicated", "rotated", "dead", "constant")
    scores = {name: infomec(known.CODES[name], known.factors()) for name in names}
    for same in ("perfect", "permuted", "scaled", "dead"):
        assert [part.value for part in scores[same]] == pytest.approx([1, 1, 1], abs=0.02)
    assert scores["duplicated"].modularity.value > 0.98 and scores["duplicated"].compactness.value < 0.92
    assert scores["rotated"].modularity.value < 0.4 and scores["rotated"].explicitness.value > 0.97
    assert [part.value for part in scores["constant"]] == [0, 0, 0]


def test_it_is_its_formulas() -> None:
    codes, factors = known.mixed(), known.factors()
    score, information = infomec(codes, factors), information_of(codes, factors)
    shares = information.value / information.entropies  # noise below 0 as it is
    modularity = ((shares.max(1) / shares.sum(1)).mean() - 1 / 5) / (1 - 1 / 5)
    compactness = ((shares.max(0) / shares.sum(0)).mean() - 1 / 5) / (1 - 1 / 5)
    assert score.modularity.value == pytest.approx(modularity)
    assert score.compactness.value == pytest.approx(compactness)


def test_prunings_differ_where_a_latent_seldom_moves() -> None:
    rng = np.random.default_rng(0)
    factors = np.stack([rng.random(2000) < 0.2, rng.integers(4, size=2000)], 1).astype(int)
    codes = factors.astype(float)
    assert infomec(codes, factors).modularity.parts["active"].tolist() == [True, True]
    assert infomec(codes, factors, pruning="iqr").modularity.parts["active"].tolist() == [False, True]
    faint = np.concatenate([codes, 0.01 * rng.normal(size=(2000, 1)), np.zeros((2000, 1))], 1)
    assert infomec(faint, factors).modularity.parts["active"].tolist() == [True, True, False, False]
    assert infomec(faint, factors, pruning=None).modularity.parts["active"].tolist() == [True, True, True, False]
    with pytest.raises(ValueError, match='pruning must be "range", "iqr" or None, got \'std\''):
        infomec(codes, factors, pruning="std")  # type: ignore[arg-type]


def test_explicitness_is_the_share_of_the_entropy_that_a_probe_takes() -> None:
    """A bit flipped in a tenth of the rows: 1 - H(0.1) / log 2, held out and, with few rows, not by fitting them."""
    rng = np.random.default_rng(0)
    bits = rng.integers(2, size=(20_000, 2))
    seen = bits ^ (rng.random(bits.shape) < 0.1)
    expected = 1 + (0.1 * np.log(0.1) + 0.9 * np.log(0.9)) / np.log(2)
    score = infomec(seen.astype(float), bits).explicitness
    assert score.value == pytest.approx(expected, abs=0.02) and score.low < expected < score.high
    noise = rng.normal(size=(60, 20))
    assert infomec(noise, bits[:60]).explicitness.value < 0.1
    assert infomec(noise, bits[:60], held_out=False).explicitness.value > 0.3


def test_a_class_that_the_probe_has_not_met_is_left_out_and_told() -> None:
    labels = np.repeat([0, 1, 2, 3], [200, 200, 2, 2])
    parts = infomec(np.stack([labels, labels[::-1]], 1).astype(float), labels).explicitness.parts
    assert 0.95 < parts["judged"][0] <= 1


def test_of_posteriors_and_seeds() -> None:
    mu = known.grid()[:800].astype(np.float32)
    codes, factors = Codes(mu, np.full_like(mu, -8.0)), known.factors().take(np.arange(800))
    score = infomec(codes, factors, samples=400)
    assert score.modularity.settings["estimator"] == "posterior" and score.modularity.value > 0.8
    assert infomec(Codes(mu, np.full_like(mu, -8.0)), factors, samples=400) == score


def test_one_of_each_is_0_over_0() -> None:
    bit = np.random.default_rng(0).integers(2, size=200)
    score = infomec(bit[:, None].astype(float), bit)
    assert score.modularity.value == score.compactness.value == 0 and score.explicitness.value > 0.99
    with pytest.raises(ValueError, match="at least two values of each factor"):
        infomec(np.zeros((3, 2)), [0, 0, 0])
