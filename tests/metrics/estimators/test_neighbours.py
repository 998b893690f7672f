"""Nearest neighbours on ranks: against quadrature, scikit-learn and what must not move."""

import numpy as np
import pytest
from scipy.special import digamma

from pyvae.metrics.estimators.neighbours import (
    NEIGHBOURS,
    _digamma,
    classes_of,
    entropy_terms,
    information_terms,
    ranks_of,
)

N = 10_000


def information(column: np.ndarray, labels: np.ndarray) -> float:
    return float(information_terms(ranks_of(np.asarray(column, dtype=np.float64)), classes_of(labels)).mean())


def entropy(labels: np.ndarray) -> float:
    return float(entropy_terms(classes_of(labels)).mean())


def shifted(classes: int, gap: float, count: int = N, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A normal latent whose mean is `gap` times its class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    return rng.normal(size=count) + gap * labels, labels


def by_quadrature(classes: int, gap: float) -> float:
    """H(z) - H(z | v) of `shifted`."""
    z = np.linspace(-12, 12 + gap * classes, 200_001)
    density = np.exp(-0.5 * (z[:, None] - gap * np.arange(classes)) ** 2).mean(1) / np.sqrt(2 * np.pi)
    entropy = -np.trapezoid(density * np.log(np.maximum(density, 1e-300)), z)
    return float(entropy - np.log(2 * np.pi * np.e) / 2)


def naively(column: np.ndarray, labels: np.ndarray, right_first: bool) -> float:
    """Ross's estimate without ties, neighbours in a strict order: of two equally far, one side comes first."""
    order = np.argsort(column)
    labels, count = labels[order], len(order)
    terms = []
    for row in range(count):
        others = np.delete(np.arange(count), row)
        others = others[np.lexsort([(others < row) == right_first, np.abs(others - row)])]
        mine = np.flatnonzero(labels[others] == labels[row])
        k = min(NEIGHBOURS, len(mine))
        terms.append(digamma(count) - digamma(len(mine) + 1) + digamma(k) - digamma(mine[k - 1] + 1))
    return float(np.mean(terms))


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_it_is_the_mean_over_both_orders_of_what_is_equally_far(classes: int) -> None:
    column, labels = shifted(classes, 0.7, 41)
    both = (naively(column, labels, True) + naively(column, labels, False)) / 2
    assert information(column, labels) == pytest.approx(both, abs=1e-12)


def test_a_small_class_takes_fewer_neighbours() -> None:
    column, labels = shifted(2, 1.0, 40)
    labels[:2], labels[2:5] = 2, 3  # of two members and of three
    both = (naively(column, labels, True) + naively(column, labels, False)) / 2
    assert information(column, labels) == pytest.approx(both, abs=1e-12)


@pytest.mark.parametrize(("classes", "gap"), [(2, 1.0), (3, 2.0), (6, 1.0), (32, 0.3)])
def test_it_agrees_with_quadrature(classes: int, gap: float) -> None:
    found = [information(*shifted(classes, gap, seed=seed)) for seed in range(8)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - by_quadrature(classes, gap)) < 3 * error + 0.006


@pytest.mark.parametrize("classes", [2, 6, 40])
def test_an_independent_latent_has_the_mean_0_of_either_sign(classes: int) -> None:
    found = [information(*shifted(classes, 0.0, 2000, seed)) for seed in range(40)]
    assert min(found) < 0 < max(found)  # not clipped
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found)) + 0.005


def test_monotone_maps_change_nothing_and_an_outlier_next_to_nothing() -> None:
    column, labels = shifted(6, 1.0)
    expected = information(column, labels)
    for mapped in (np.exp(column), -column, 1e-4 * column - 3, column**3):
        assert information(mapped, labels) == pytest.approx(expected, abs=1e-9)
    column[17] = 1e30
    assert information(column, labels) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("classes", [2, 3, 40])
def test_discrete_codes_are_counted(classes: int) -> None:
    _, labels = shifted(classes, 0.0)
    assert information(labels, labels) == pytest.approx(entropy(labels), abs=1e-12)
    assert (information_terms(ranks_of(np.zeros(N)), classes_of(labels)) == 0).all()
    halves = labels // 2  # tells nothing of which of the two
    assert information(halves, labels) == pytest.approx(entropy(halves), abs=0.01)


def test_an_atom_is_counted_and_the_rest_is_not() -> None:
    """Of a latent that is 0 below a threshold, what it tells is whether it is above, and where."""
    column, labels = shifted(2, 2.0)
    cut = np.where(column < 1, 0.0, column)
    above = column >= 1
    told = information(above, labels) + above.mean() * information(column[above], labels[above])
    assert information(cut, labels) == pytest.approx(told, abs=0.01)


def test_ties_are_no_matter_of_chance() -> None:
    column, labels = shifted(6, 1.0)
    column = np.round(column, 2)
    shuffled = np.random.default_rng(1).permutation(N)
    assert information(column[shuffled], labels[shuffled]) == pytest.approx(information(column, labels), abs=1e-12)
    assert information(column, labels) == pytest.approx(by_quadrature(6, 1.0), abs=0.03)


def test_few_rows_are_enough() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 2, 3, 4, 5):
        assert np.isfinite(information(rng.normal(size=count), np.arange(count) % 2))
    assert information(rng.normal(size=5), np.zeros(5, dtype=np.int64)) == pytest.approx(0, abs=1e-12)


def test_the_digamma_function() -> None:
    assert np.allclose(_digamma(5000)[1:], digamma(np.arange(1, 5001)), rtol=0, atol=1e-12)
