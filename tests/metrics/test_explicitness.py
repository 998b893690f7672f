"""Explicitness where the answer is known, and the library's number restated."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from pyvae.metrics import Measured, explicitness
from tests.metrics import known

CUT = 1000


def test_known_codes() -> None:
    scores = {name: explicitness(codes, known.factors()).value for name, codes in known.CODES.items()}
    for told in ("perfect", "permuted", "scaled", "rotated", "duplicated", "dead", "with noise"):
        assert scores[told] > 0.995
    assert scores["perfect"] > scores["noisy"] > scores["noise"]
    assert scores["noise"] == pytest.approx(0.5, abs=0.02) and scores["constant"] == 0.5


def test_one_machine_for_each_value_tells_less() -> None:
    multinomial, each = (
        explicitness(known.grid(), known.factors(), classifier=name) for name in ("multinomial", "one-vs-rest")
    )
    assert multinomial.value > 0.995 and 0.8 < each.value < 0.97
    assert multinomial.settings["classifier"] != each.settings["classifier"]


@pytest.mark.parametrize("name", ["noisy", "mixed", "with noise"])
def test_the_library_s_number_by_its_protocol_in_a_few_lines(name: str) -> None:
    codes, labels = known.CODES[name][:1500], known.factors().labels[:1500, :4]
    mean, std = codes[:CUT].mean(0), codes[:CUT].std(0)
    areas = []
    for column in labels.T:
        machine = LogisticRegression().fit((codes[:CUT] - mean) / std, column[:CUT])
        shares = machine.predict_proba((codes[CUT:] - mean) / std)
        areas.append(roc_auc_score(np.eye(shares.shape[1])[column[CUT:]], shares))
    found = explicitness(codes[:CUT], labels[:CUT], test=(codes[CUT:], labels[CUT:]), protocol="disentanglement_lib")
    assert found.value == pytest.approx(np.mean(areas), abs=1e-6)


def test_values_that_a_part_lacks_are_left_out_and_told() -> None:
    labels = np.arange(30) % 3
    train, test = np.arange(20), np.arange(20, 30)
    missing = test[labels[test] != 2]
    codes = labels[:, None] + 0.1 * np.random.default_rng(0).normal(size=(30, 1))
    found = explicitness(codes[train], labels[train], test=(codes[missing], labels[missing]))
    assert found.value == 1 and len(found.parts["areas"]["factor 0"]) == 2
    assert found.parts["absent"] == {"factor 0": 1}
    with pytest.raises(
        ValueError, match=r"^factors must have one with two values among the held-out rows, got none\.$"
    ):
        explicitness(codes[train], labels[train], test=(codes[20:21], labels[20:21]))


def test_an_interval_is_as_wide_as_the_score_spreads() -> None:
    def drawn(seed: int) -> Measured:
        rng = np.random.default_rng(seed)
        factors = rng.integers(4, size=(600, 2))
        return explicitness(factors + rng.normal(size=(600, 2)), factors, seed=seed)

    scores = [drawn(seed) for seed in range(40)]
    spread = np.std([score.value for score in scores])
    width = np.median([(score.high - score.low) / 2 / 1.96 for score in scores])
    assert 0.6 < width / spread < 2


def test_another_classifier_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^classifier must be multinomial or one-vs-rest, got 'tree'\.$"):
        explicitness(known.grid(), known.factors(), classifier="tree")  # type: ignore[arg-type]
