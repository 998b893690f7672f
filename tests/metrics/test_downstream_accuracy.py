"""Downstream accuracy where the answer is known, and the library's classifier."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from pyvae.metrics import Measured, downstream_accuracy
from tests.metrics import known


def test_known_codes() -> None:
    found = {name: downstream_accuracy(codes, known.factors()) for name, codes in known.CODES.items()}
    for told in ("perfect", "permuted", "scaled", "rotated", "duplicated", "dead", "with noise"):
        assert found[told].value > 0.98
    for none in ("noise", "constant"):
        assert found[none].value == pytest.approx(found[none].parts["chance"].mean(), abs=0.03)


def test_two_normal_classes_are_told_as_well_as_they_can_be() -> None:
    def drawn(seed: int) -> Measured:
        rng = np.random.default_rng(seed)
        labels = rng.integers(2, size=900)
        return downstream_accuracy(2.0 * labels[:, None] + rng.normal(size=(900, 1)), labels, seed=seed)

    scores = [drawn(seed) for seed in range(50)]
    truth = norm.cdf(1)
    assert np.mean([score.low <= truth <= score.high for score in scores]) >= 0.9
    spread = np.std([score.value for score in scores])
    assert np.median([score.high - score.low for score in scores]) < 2 * 2 * 1.96 * spread


def test_the_library_s_number_by_its_own_classifiers() -> None:
    codes, labels, cut = known.noisy(0.7)[:450], known.factors().labels[:450, :2], 300
    given = {"test": (codes[cut:], labels[cut:]), "protocol": "disentanglement_lib"}
    boosted = [GradientBoostingClassifier(random_state=0).fit(codes[:cut], column[:cut]) for column in labels.T]
    right = np.mean([one.score(codes[cut:], column[cut:]) for one, column in zip(boosted, labels.T, strict=True)])
    assert downstream_accuracy(codes[:cut], labels[:cut], probe="gradient_boosting", **given).value == right
    by_folds = downstream_accuracy(codes[:cut], labels[:cut], **given)
    linear = [LogisticRegression().fit(codes[:cut], column[:cut]) for column in labels.T]
    right = np.mean([one.score(codes[cut:], column[cut:]) for one, column in zip(linear, labels.T, strict=True)])
    assert "5 folds" in by_folds.settings["probe"] and by_folds.value == pytest.approx(right, abs=0.05)


def test_a_class_that_nobody_learnt_is_told_wrong() -> None:
    codes = np.arange(4.0)[:, None]
    score = downstream_accuracy(codes[:2], [0, 1], test=(codes, [0, 1, 2, 2]))
    assert score.value == 0.5
