"""Machines of one number by sums over sorted rows are those of a general solver."""

import warnings

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from pyvae.metrics.estimators.threshold import fit_lines

CODES = {
    "normal": lambda rng, labels: labels + rng.normal(size=len(labels)),
    "far from 0": lambda rng, labels: labels + 0.1 * rng.normal(size=len(labels)) + 50,
    "ties": lambda rng, labels: np.round(labels * 0.5 + rng.normal(size=len(labels))),
    "heavy tails": lambda rng, labels: 0.1 * labels + rng.standard_cauchy(size=len(labels)),
    "tells nothing": lambda rng, labels: rng.normal(size=len(labels)),
    "constant": lambda rng, labels: np.full(len(labels), 0.7),
}


@pytest.mark.parametrize("classes", [2, 3, 9])
@pytest.mark.parametrize("name", CODES)
def test_the_machines_are_the_library_s_to_convergence(name: str, classes: int) -> None:
    rng = np.random.default_rng(classes)
    labels = rng.integers(classes, size=301) // rng.integers(1, 3, size=301)  # classes of unequal sizes
    x = CODES[name](rng, labels)
    lines = fit_lines(x, labels, classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of steps: its tolerance is not reached on every code
        general = LinearSVC(C=0.01, class_weight="balanced", tol=1e-12, max_iter=100_000).fit(x[:, None], labels)
    weight, offset = lines.weight / lines.scale, lines.offset - lines.weight * lines.centre
    scores = x[:, None] * weight + offset
    wanted = np.reshape(general.decision_function(x[:, None]), (len(x), -1))
    assert np.abs(scores[:, -wanted.shape[1] :] - wanted).max() < 1e-4 * np.abs(wanted).max() + 1e-12
    # As argmax where scores tie to rounding is no matter of the machines.
    clear = np.ptp(np.sort(scores, 1)[:, -2:], axis=1) > 1e-6
    assert (lines.predict(x) == general.predict(x[:, None]))[clear].all()


def test_scale_and_place_only_change_the_penalty() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(5, size=500)
    x = labels + rng.normal(size=500)
    for scale, shift in ((1e200, 0.0), (1e-310, 0.0), (1.0, 1e16)):
        lines = fit_lines(x * scale + shift, labels, 5)
        assert np.isfinite(lines.weight).all() and np.isfinite(lines.offset).all()
        assert lines.predict(x * scale + shift).max() < 5
