"""MINE of Gaussians whose information is known, of codes that tell nothing, and as a bound."""

import math

import numpy as np
import pytest
import torch

from pyvae.metrics import METRICS, mine
from pyvae.metrics.estimators.split import split_of
from pyvae.metrics.mine import _log_mean_exp, _Pairs, _pairs, _terms, _trained
from tests.metrics import known

ROWS = 2000


def gaussians(correlation: float, pairs: int, rows: int = ROWS, seed: int = 0) -> tuple[np.ndarray, np.ndarray, float]:
    """Codes and factors whose columns are correlated in pairs, and their information."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(rows, pairs))
    codes = correlation * factors + math.sqrt(1 - correlation**2) * rng.normal(size=factors.shape)
    return codes, factors, -pairs / 2 * math.log(1 - correlation**2)


@pytest.mark.parametrize(("correlation", "pairs", "share"), [(0.9, 1, 0.9), (0.8, 3, 0.75)])
def test_correlated_gaussians_have_nearly_their_information(correlation: float, pairs: int, share: float) -> None:
    codes, factors, truth = gaussians(correlation, pairs)
    found = mine(codes, factors, steps=300)
    assert found.value > share * truth and found.low < truth and found.low < found.value < found.high
    assert found.ceiling == pytest.approx(math.log(ROWS // 3))


def test_what_is_independent_has_none() -> None:
    assert mine(*gaussians(0.0, 3)[:2], steps=100).value < 0.01
    assert mine(np.zeros((ROWS, 2)), gaussians(0.0, 1)[1], steps=50).value < 0.01


def test_a_code_that_is_its_factor_has_the_factor_s_entropy() -> None:
    labels = known.factors().labels[:ROWS, :1]
    found = mine(labels.astype(float), labels, steps=150)
    assert found.value > 0.95 * math.log(3) and found.ceiling == pytest.approx(math.log(3), abs=1e-3)


def test_it_is_a_lower_bound_on_average_of_rows_that_the_network_has_not_seen() -> None:
    """Whatever the constant; the log of a sample's mean in its place is more, and no bound."""
    codes, factors, truth = gaussians(0.8, 1)
    learnt, _ = _pairs(split_of(codes, factors, None, 0))
    critic, offset, *_ = _trained(learnt, 4.0, 150, 0, False)
    bounds, logs = [], []
    for seed in range(300):
        drawn, of_factors, _ = gaussians(0.8, 1, 30, seed + 1)
        rows = _Pairs(torch.from_numpy(drawn).float(), torch.from_numpy(of_factors).float())
        bounds.append([float(_terms(critic, rows, offset + off, 10.0, 3).mean()) for off in (0.0, 0.5)])
        with torch.no_grad():
            logs.append(float(critic(rows.joined()).mean() - _log_mean_exp(critic, rows, 3)))
    bound, other = np.mean(bounds, 0)
    assert 0.8 * truth < bound < truth + 2 * np.std(bounds, 0)[0] / math.sqrt(300) and other < bound < np.mean(logs)


def test_the_interval_is_the_scatter_of_the_bound() -> None:
    codes, factors, _ = gaussians(0.8, 1)
    learnt, _ = _pairs(split_of(codes, factors, None, 0))
    critic, offset, *_ = _trained(learnt, 4.0, 150, 0, False)
    means, errors = [], []
    for seed in range(100):
        drawn, of_factors, _ = gaussians(0.8, 1, 300, seed + 1)
        rows = _Pairs(torch.from_numpy(drawn).float(), torch.from_numpy(of_factors).float())
        terms = _terms(critic, rows, offset, 4.0, 10)
        means.append(float(terms.mean()))
        errors.append(float(terms.std()) / math.sqrt(300))
    assert 0.75 < np.mean(errors) / np.std(means) < 1.3


def test_rising_maps_threads_and_a_second_run_change_no_bit() -> None:
    codes, factors, _ = gaussians(0.7, 2, 400)
    first = mine(codes, factors, steps=30)
    threads = torch.get_num_threads()
    torch.set_num_threads(2 if threads == 1 else 1)
    try:
        assert mine(np.exp(codes), factors, steps=30) == first
    finally:
        torch.set_num_threads(threads)
    assert mine(codes, factors, steps=30, seed=1).value != first.value


def test_what_it_refuses_and_that_it_is_slow() -> None:
    assert METRICS["mine"].is_slow
    codes, factors, _ = gaussians(0.5, 1, 12)
    with pytest.raises(ValueError, match="codes must hold at least 10 points to learn from and 2 held out"):
        mine(codes, factors)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        mine(codes, factors, steps=0)


def test_progress_is_shown_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    mine(*gaussians(0.5, 1, 60)[:2], steps=2, progress=True)
    assert "steps" in capfd.readouterr().err
