import numpy as np
import pytest

from pyvae.studies.agreement.findings.shares import shares_of

OBJECTIVES, STRENGTHS, SEEDS = 6, 6, 5


def study(objective: float, strength: float, seed: float, *, seed_of: int = 0, repeats: int = SEEDS):
    """Scores with effects of these standard deviations."""
    rng = np.random.default_rng(seed_of)
    o, s, r = (part.ravel() for part in np.indices((OBJECTIVES, STRENGTHS, repeats)))
    values = (
        objective * rng.normal(size=OBJECTIVES)[o]
        + strength * rng.normal(size=(OBJECTIVES, STRENGTHS))[o, s]
        + seed * rng.normal(size=(OBJECTIVES, STRENGTHS, repeats))[o, s, r]
    )
    return values, o, o * STRENGTHS + s, r


def test_each_part_gets_what_is_its_own() -> None:
    for place, sizes in enumerate(((1.0, 0.0, 1e-9), (0.0, 1.0, 1e-9), (0.0, 0.0, 1.0))):
        shares = shares_of(*study(*sizes))
        means = [part.mean for part in shares[:3]]
        assert sum(means) == pytest.approx(1)
        assert means[place] > 0.75 and max(part for i, part in enumerate(means) if i != place) < 0.25


def test_noise_alone_gives_objectives_nothing_on_average() -> None:
    """Raw sums of squares would give the objective 5/179 and the strength 30/179 of it."""
    means = np.array([[part.mean for part in shares_of(*study(0, 0, 1, seed_of=k))[:3]] for k in range(200)]).mean(0)
    assert means == pytest.approx([0, 0, 1], abs=0.02)


def test_sums_of_squares_are_those_of_the_regressions() -> None:
    """The objective's share, but for noise, is what dummies of the objective explain."""
    values, o, cell, r = study(1.0, 0.5, 0.5)
    dummies = np.eye(OBJECTIVES)[o]
    left = values - dummies @ np.linalg.lstsq(dummies, values, rcond=None)[0]
    in_cells = np.eye(OBJECTIVES * STRENGTHS)[cell]
    noise = values - in_cells @ np.linalg.lstsq(in_cells, values, rcond=None)[0]
    total = np.square(values - values.mean()).sum()
    explained = 1 - np.square(left).sum() / total
    expected = explained - (OBJECTIVES - 1) * np.square(noise).sum() / (len(values) - OBJECTIVES * STRENGTHS) / total
    assert shares_of(values, o, cell, r).objective.mean == pytest.approx(expected)


def test_intervals_decide_what_is_clear_and_leave_open_what_is_not() -> None:
    assert shares_of(*study(0.1, 0.1, 1.0)).seed_over_objective.above_zero
    assert shares_of(*study(1.0, 0.1, 0.1)).seed_over_objective.below_zero
    known = shares_of(*study(1.0, 0.1, 0.1, repeats=2))
    assert known.seed.mean < 0.2


def test_intervals_of_shares_cover_as_often_as_they_say() -> None:
    every = [shares_of(*study(0, 0, 1, seed_of=k)) for k in range(400)]
    for place, truth in enumerate((0, 0, 1)):
        held = np.mean([abs(shares[place].mean - truth) < shares[place].half for shares in every])
        assert held >= 0.9, (place, held)


def test_what_cannot_be_said_is_not() -> None:
    values, o, cell, r = study(1.0, 1.0, 1.0, repeats=1)
    assert shares_of(values, o, cell, r) is None
    values, o, cell, r = study(1.0, 1.0, 1.0, repeats=2)
    assert shares_of(np.ones_like(values), o, cell, r) is None
    two = shares_of(values, o, cell, r)
    assert not two.seed.known and not two.seed_over_objective.above_zero
    values[::7] = np.nan
    assert sum(part.mean for part in shares_of(values, o, cell, r)[:3]) == pytest.approx(1)
