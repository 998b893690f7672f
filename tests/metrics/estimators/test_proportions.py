"""Wilson's interval."""

import numpy as np
import pytest

from pyvae.metrics.estimators.proportions import wilson


def test_it_holds_the_probability() -> None:
    for probability in (0.02, 0.5, 0.99):
        shares = np.random.default_rng(0).binomial(200, probability, size=1000) / 200
        held = [low <= probability <= high for low, high in (wilson(float(share), 200) for share in shares)]
        assert np.mean(held) > 0.92


def test_all_or_none_leave_room() -> None:
    assert wilson(1.0, 100) == (pytest.approx(1 / (1 + 1.96**2 / 100), abs=1e-4), 1.0)
    assert wilson(0.0, 100) == (0.0, pytest.approx(1 - wilson(1.0, 100)[0]))
