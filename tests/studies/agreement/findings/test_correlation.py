import numpy as np
import pytest

from pyvae.report.statistics import rank_correlation
from pyvae.studies.agreement.findings.correlation import correlations, within_cells


def drawn(models: int, *, seed: int = 0) -> tuple[np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=models), rng


def test_every_pair_is_spearmans_correlation_whatever_the_scale() -> None:
    x, rng = drawn(40)
    columns = np.stack([x, np.exp(x), -x, rng.normal(size=40), np.round(x)], 1)
    found = correlations("abcde", columns)
    assert found.of("a", "b").value == pytest.approx(1) and found.of("a", "c").value == pytest.approx(-1)
    for i, j in np.ndindex(5, 5):
        assert found.value[i, j] == pytest.approx(rank_correlation(columns[:, i], columns[:, j]))
    assert len(found.pairs()) == 10 and found.models == 40


def test_intervals_tell_what_is_related_from_what_is_not() -> None:
    x, rng = drawn(150)
    found = correlations("abc", np.stack([x, x + 0.5 * rng.normal(size=150), rng.normal(size=150)], 1))
    assert found.of("a", "b").close and found.of("a", "b").above_zero
    other = found.of("a", "c")
    assert not other.above_zero and not other.below_zero and other.low < other.value < other.high


def test_a_score_that_is_constant_is_related_to_nothing() -> None:
    x, _ = drawn(20)
    found = correlations("ab", np.stack([x, np.ones(20)], 1))
    assert np.isnan(found.of("a", "b").value) and found.pairs() == []


def test_intervals_cover_as_often_as_they_say(monkeypatch) -> None:
    monkeypatch.setattr("pyvae.studies.agreement.findings.correlation.REPLICATES", 100)
    truth = 6 / np.pi * np.arcsin(0.5 / 2)  # Spearman's of Gaussians with Pearson's 0.5
    covered = 0
    for seed in range(40):
        x, rng = drawn(60, seed=seed)
        one = correlations("ab", np.stack([x, 0.5 * x + np.sqrt(0.75) * rng.normal(size=60)], 1)).of("a", "b")
        covered += one.low <= truth <= one.high
    assert covered >= 34  # of 40 at 95 %: 38 expected


def test_within_cells_nothing_is_left_of_what_cells_decide() -> None:
    rng = np.random.default_rng(1)
    cells = np.repeat(np.arange(30), 5)
    level = rng.normal(size=30)[cells]
    own = rng.normal(size=150)
    columns = np.stack([10 * level + own, 10 * level + rng.normal(size=150), 10 * level + own], 1)
    assert correlations("abc", columns).of("a", "b").close
    inside = within_cells("abc", columns, cells)
    assert not inside.of("a", "b").above_zero and inside.of("a", "c").close
    assert inside.models == 150


def test_cells_of_one_model_say_nothing() -> None:
    rng = np.random.default_rng(2)
    columns = rng.normal(size=(25, 2))
    alone = within_cells("ab", columns, np.r_[np.repeat(np.arange(4), 5), 4, 5, 6, 7, 8])
    assert alone.models == 20
