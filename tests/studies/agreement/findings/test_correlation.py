import numpy as np
import pytest

from pyvae.report.statistics import rank_correlation
from pyvae.studies.agreement.findings import correlation
from pyvae.studies.agreement.findings.correlation import Correlations, correlations, sides, spearman, within_cells

CELLS, SEEDS = 36, 5
CELL = np.repeat(np.arange(CELLS), SEEDS)


def alone(names: str, columns: np.ndarray) -> Correlations:
    """Every model a cell of its own."""
    return correlations(names, columns, np.arange(len(columns)))


def alike(columns: int, *, seed: int, share: float = 0.7) -> np.ndarray:
    """Unrelated columns of models whose cells have so large a share of the variance, [CELLS * SEEDS, columns]."""
    rng = np.random.default_rng(seed)
    of_cell, own = rng.normal(size=(CELLS, columns))[CELL], rng.normal(size=(CELLS * SEEDS, columns))
    return np.sqrt(share) * of_cell + np.sqrt(1 - share) * own


def drawn(models: int, *, seed: int = 0) -> tuple[np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=models), rng


def test_every_pair_is_spearmans_correlation_whatever_the_scale() -> None:
    x, rng = drawn(40)
    columns = np.stack([x, np.exp(x), -x, rng.normal(size=40), np.round(x)], 1)
    found = alone("abcde", columns)
    assert found.of("a", "b").value == pytest.approx(1) and found.of("a", "c").value == pytest.approx(-1)
    for i, j in np.ndindex(5, 5):
        assert found.value[i, j] == pytest.approx(rank_correlation(columns[:, i], columns[:, j]))
    assert len(found.pairs()) == 10 and found.models == found.cells == 40
    assert spearman(columns) == pytest.approx(found.value)


def test_intervals_tell_what_is_related_from_what_is_not() -> None:
    x, rng = drawn(150)
    found = alone("abc", np.stack([x, x + 0.5 * rng.normal(size=150), rng.normal(size=150)], 1))
    family = [found.of("a", "b"), found.of("a", "c")]
    assert sides(family) == [1, 0] and sides(family, 0.7) == [1, -1] and family[0].low > 0.7
    assert family[1].low < 0 < family[1].high and family[1].low < family[1].value < family[1].high


def test_a_score_that_is_constant_is_related_to_nothing() -> None:
    x, _ = drawn(20)
    found = alone("ab", np.stack([x, np.ones(20)], 1))
    assert np.isnan(found.of("a", "b").value) and found.pairs() == [] and found.with_column("a", ["b"]) == {}


def test_intervals_cover_as_often_as_they_say(monkeypatch) -> None:
    monkeypatch.setattr(correlation, "REPLICATES", 100)
    truth = 6 / np.pi * np.arcsin(0.5 / 2)  # Spearman's of Gaussians with Pearson's 0.5
    covered = 0
    for seed in range(40):
        x, rng = drawn(60, seed=seed)
        one = alone("ab", np.stack([x, 0.5 * x + np.sqrt(0.75) * rng.normal(size=60)], 1)).of("a", "b")
        covered += one.low <= truth <= one.high
    assert covered >= 34  # of 40 at 95 %: 38 expected


def test_within_cells_nothing_is_left_of_what_cells_decide() -> None:
    rng = np.random.default_rng(1)
    cells = np.repeat(np.arange(30), 5)
    level = rng.normal(size=30)[cells]
    own = rng.normal(size=150)
    columns = np.stack([10 * level + own, 10 * level + rng.normal(size=150), 10 * level + own], 1)
    assert sides([correlations("abc", columns, cells).of("a", "b")], 0.7) == [1]
    inside = within_cells("abc", columns, cells)
    assert sides([inside.of("a", "b")]) == [0] and sides([inside.of("a", "c")], 0.7) == [1]
    assert inside.models == 150 and inside.cells == 30


def test_cells_of_one_model_say_nothing() -> None:
    rng = np.random.default_rng(2)
    columns = rng.normal(size=(25, 2))
    some = within_cells("ab", columns, np.r_[np.repeat(np.arange(4), 5), 4, 5, 6, 7, 8])
    assert some.models == 20 and some.cells == 4
    assert within_cells("ab", columns, np.arange(25)) is None


def test_ranks_of_a_sample_are_those_of_its_rows() -> None:
    """Counts of how often each model is drawn stand for the rows themselves, ties and models left out included."""
    columns = np.round(alike(4, seed=3))
    times = np.random.default_rng(4).integers(3, size=len(columns))
    rows = np.repeat(columns, times, 0)
    expected = [[rank_correlation(a, b) for b in rows.T] for a in rows.T]
    assert correlation._normalised(correlation._products(columns)(times)) == pytest.approx(np.array(expected))


def test_intervals_cover_where_seeds_of_a_cell_are_alike(monkeypatch) -> None:
    """Models drawn one by one would be told to be 180 that are independent: their intervals hold 0 in 77 %."""
    monkeypatch.setattr(correlation, "REPLICATES", 200)
    held = {"cells": 0, "models": 0, "fewer": 0}
    problems = 150
    for seed in range(problems):
        columns = alike(2, seed=seed)
        kept = np.random.default_rng(seed).uniform(size=len(CELL)) > 0.3  # some have collapsed: cells are unequal
        for name, one in (
            ("cells", correlations("ab", columns, CELL)),
            ("models", alone("ab", columns)),
            ("fewer", correlations("ab", columns[kept], 7 * CELL[kept])),
        ):
            held[name] += one.of("a", "b").low <= 0 <= one.of("a", "b").high
    shares = {name: count / problems for name, count in held.items()}
    assert shares["cells"] >= 0.9 and shares["fewer"] >= 0.9 and shares["models"] < 0.85, shares


def test_of_one_seed_cells_are_models() -> None:
    columns = alike(3, seed=5)
    assert (correlations("abc", columns, 10 * np.arange(180) + 3).error == alone("abc", columns).error).all()
    assert correlations("abc", columns, CELL).of("a", "b").error != alone("abc", columns).of("a", "b").error


def test_of_many_unrelated_scores_hardly_ever_one_is_clear(monkeypatch) -> None:
    """Each by its own interval, one of fifteen would rise or fall in about half of all studies."""
    monkeypatch.setattr(correlation, "REPLICATES", 200)
    clear, own, problems = 0, 0, 100
    for seed in range(problems):
        names = "abcdefghijklmnop"
        family = list(correlations(names, alike(16, seed=seed), CELL).with_column("p", names[:-1]).values())
        clear += any(sides(family))
        own += any(one.low > 0 or one.high < 0 for one in family)
    assert clear <= 12 and own >= 30, (clear, own)
