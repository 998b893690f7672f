"""Probes by name: each learns what can be learnt, and says in words what it is."""

import numpy as np
import pytest

from pyvae.metrics.estimators.importances import IMPORTANCES, importances
from pyvae.metrics.estimators.probes import PROBES, one_thread, probe_of
from tests.metrics import known

LABELS = known.factors().labels[:600]
CODES = known.noisy(0.01)[:600]


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_learns_a_factor_with_three_values(name: str) -> None:
    with one_thread():
        found = PROBES[name].judge(CODES[:400, :2], LABELS[:400, 0], CODES[400:, :2], 0)
    right = (found.predicted == LABELS[400:, 0]).mean()
    assert right > (0.6 if "one_vs_rest" in name else 0.95)  # a value between two others is no half-space
    assert PROBES[name].classifier in str(PROBES[name])


@pytest.mark.parametrize("name", PROBES)
def test_classes_are_numbered_anew_where_some_are_missing(name: str) -> None:
    labels = np.array([2, 9] * 20)
    found = PROBES[name].judge(labels[:, None].astype(float), labels, np.array([[2.0], [9.0]]), 0)
    assert found.classes.tolist() == [2, 9] and found.predicted.tolist() == [2, 9]
    only = PROBES[name].judge(np.ones((3, 1)), np.array([4, 4, 4]), np.ones((2, 1)), 0)
    assert only.predicted.tolist() == [4, 4]


def test_an_unknown_probe_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^probe must be one of logistic_regression, .*, got 'forest'\.$"):
        probe_of("forest")
    with pytest.raises(ValueError, match=r"^probe must be one of tree, gradient_boosting, got 'forest'\.$"):
        importances("forest", CODES, LABELS, CODES, 0)


@pytest.mark.parametrize("name", IMPORTANCES)
def test_what_tells_is_important(name: str) -> None:
    (used,) = importances(name, CODES, LABELS[:, 1:2], CODES, 0)
    assert used.importance[1] / used.importance.sum() > 0.98
    assert (used.judged.predicted == LABELS[:, 1]).mean() > 0.99


def test_terms_of_rows_are_the_impurity_that_a_tree_takes_away() -> None:
    """Of codes that tell all, a tree takes away all impurity there is: 1 - sum p^2."""
    (used,) = importances("tree", CODES, LABELS[:, 2:3], CODES, 0)
    shares = np.bincount(LABELS[:, 2]) / len(LABELS)
    assert used.terms is not None and used.importance == pytest.approx(used.terms.mean(0))
    assert used.importance.sum() == pytest.approx(1 - np.square(shares).sum(), abs=0.01)


def test_the_same_bits_by_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    both = importances("tree", CODES, LABELS, CODES, 0)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    for one, other in zip(both, importances("tree", CODES, LABELS, CODES, 0), strict=True):
        assert np.array_equal(one.importance, other.importance)
