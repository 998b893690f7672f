"""Explicitness by capacity where the answer is known, and size."""

import numpy as np
import pytest

from pyvae.metrics import Factors, dci_es
from pyvae.metrics.dci_es import _explicitness
from tests.metrics import known

ROWS = 1000  # so few that the largest probes have a hundred features
AMOUNTS = known.factors().labels[:ROWS, 1:]


def test_what_is_linear_is_explicit_and_what_says_nothing_is_not() -> None:
    for name in ("perfect", "rotated", "noisy", "duplicated", "dead"):
        assert dci_es(known.CODES[name][:ROWS], AMOUNTS).explicitness.value > 0.98
    for name in ("noise", "constant"):
        assert dci_es(known.CODES[name][:ROWS], AMOUNTS).explicitness.value == 0


def test_the_more_a_code_bends_the_more_capacity_it_takes() -> None:
    straight = known.grid()[:ROWS]
    bent = [np.sin(strength * straight) + 1e-3 * straight for strength in (1e-3, 1.0, 2.5)]
    first, second, third = (dci_es(codes, AMOUNTS).explicitness.value for codes in bent)
    assert first > 0.98 and first > second > 0 > third > -1  # the last falls later than a straight line


def test_the_area_by_hand() -> None:
    """Above the least loss, under the best so far, as a share of the triangle from the mean's loss."""
    score = dci_es(np.sin(2.0 * known.grid()[:ROWS]), AMOUNTS[:, :2]).explicitness
    losses, capacities = np.minimum.accumulate(score.parts["losses"], 0), score.parts["capacities"]
    assert np.exp(capacities) == pytest.approx([5, 21, 37, 69, 133])  # five latents, and features
    above = losses - losses[-1]
    area = ((above[1:] + above[:-1]) / 2 * np.diff(capacities)[:, None]).sum(0)
    expected = 1 - area / ((capacities[-1] - capacities[0]) * (1 - losses[-1]) / 2)
    assert score.parts["explicitness"] == pytest.approx(expected)
    assert score.value == pytest.approx(expected.mean())
    assert score.low <= score.value <= score.high


def test_losses_by_hand() -> None:
    """A straight fall from the mean's loss is 0, the least probe the best 1, all at the end -1."""
    capacities, told = np.array([0.0, 1.0, 3.0]), np.array([True])
    for losses, expected in ([1, 2 / 3, 0], 0), ([0, 0, 0], 1), ([0.25, 0.25, 0.25], 1), ([1, 1, 0], -1 / 3):
        means = np.array([1.0, *losses])[:, None]
        assert _explicitness(means, capacities, told) == pytest.approx(expected)
        assert _explicitness(means, capacities, ~told) == 0


def test_one_capacity_has_no_area() -> None:
    with pytest.raises(ValueError, match="codes must hold at least 64 rows to learn from, for probes of two"):
        dci_es(known.grid()[:94], AMOUNTS[:94])
    assert len(dci_es(known.grid()[:96], AMOUNTS[:96]).explicitness.parts["capacities"]) == 2


def test_size_is_factors_over_latents() -> None:
    assert dci_es(known.grid()[:ROWS], AMOUNTS).size.value == 0.8
    assert dci_es(known.grid()[:ROWS, :2], AMOUNTS).size.value == 2
    many = dci_es(np.tile(known.grid()[:ROWS], 4), AMOUNTS).size
    assert (many.low, many.value, many.high) == (0.2, 0.2, 0.2)


def test_a_nominal_factor_is_taken_by_its_values() -> None:
    """Numbers of kinds in another order are the same kinds."""
    kind = known.factors().labels[:ROWS, 4]
    other = np.random.default_rng(0).permutation(32)[kind]
    codes = known.noisy(0.3)[:ROWS]
    by_values = [dci_es(codes, Factors(v, nominal=[0])).explicitness.parts["losses"] for v in (kind, other)]
    assert by_values[0] == pytest.approx(by_values[1], abs=1e-9)


def test_progress_is_shown_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    dci_es(known.grid()[:500], AMOUNTS[:500], progress=True)
    assert "probes" in capfd.readouterr().err
