"""Robustness in numbers, on studies whose shares are written down."""

import math

import pytest

from pyvae.studies.biased_grid.findings.comparison import robustness, verdict
from tests.studies.biased_grid.synthetic import results, small_config


def _share(mu: float, beta: float, seed: int) -> float:
    """beta = 1 falls by 0.1 per unit of mu from 0.8; beta = 2 by 0.05 from 0.4; seeds differ in level and slope."""
    level, fall = {0.5: (0.9, 0.1), 1.0: (0.8, 0.1), 2.0: (0.4, 0.05)}[beta]
    return level - (fall + 0.001 * (seed - 1)) * mu + 0.01 * seed


def test_slopes_and_levels_against_beta_one() -> None:
    study = results(train_recovered_nats=_share, train_ceiling_nats=lambda *_: 1.0, train_active_kl=lambda *_: 4.0)
    small, base, large = robustness(study)
    assert [row.strength for row in (small, base, large)] == [0.5, 1.0, 2.0]
    assert base.slope.mean == pytest.approx(-0.1)
    assert base.share.mean == pytest.approx(0.8 - 0.15 + 0.01)
    assert base.share.half == pytest.approx(4.302653 * 0.0085 / math.sqrt(3), rel=1e-6)
    assert base.shared_slope_gain == base.shared_share_gain == (0.0, 0.0, 3)
    assert large.shared_slope_gain.mean == large.slope_gain.mean == pytest.approx(0.05)
    # The two strengths are independent: what their seeds have in common does not cancel.
    assert large.shared_slope_gain.half == pytest.approx(2.776445 * 0.001 * math.sqrt(2 / 3), rel=1e-6)
    assert large.shared_share_gain.mean == pytest.approx(-0.4 + 0.05 * 1.5)
    assert small.shared_slope_gain.mean == pytest.approx(0, abs=1e-12)


def test_shared_mus_are_those_where_both_are_in_use_in_every_seed() -> None:
    def active(mu: float, beta: float, seed: int) -> float:
        if beta == 2:
            return 0.0 if mu >= 2 or (mu == 1 and seed == 2) else 3.0
        return 4.0

    rows = {row.strength: row for row in robustness(results(train_active_kl=active))}
    assert rows[2.0].shared == (0.0,)
    assert rows[2.0].in_use == 1
    assert math.isnan(rows[2.0].shared_slope_gain.mean)
    assert rows[0.5].shared == (0.0, 1.0, 2.0, 3.0)


def test_a_collapsed_beta_shares_nothing() -> None:
    row = robustness(results(train_active_kl=lambda mu, beta, seed: 0.0 if beta == 2 else 4.0))[2]
    assert (row.in_use, row.shared, row.shared_share_gain.seeds) == (0, (), 0)


def test_models_that_diverged_are_left_out() -> None:
    study = results(
        small_config(seeds=(0, 1)),
        train_recovered_nats=_share,
        train_ceiling_nats=lambda *_: 1.0,
        train_active_kl=lambda *_: 4.0,
        finite=lambda mu, beta, seed: not (beta == 2 and seed == 1),
    )
    row = robustness(study)[2]
    assert row.slope.seeds == 1
    assert row.slope.mean == pytest.approx(-0.049)


def test_the_verdict_rests_on_intervals_that_hold_at_once() -> None:
    """With two larger betas its intervals are of 97.5 %; a beta that cannot be compared widens none."""
    study = results(small_config(betas=(1.0, 2.0, 4.0)), train_active_kl=lambda *_: 4.0)
    alone = {row.strength: row.shared_slope_gain for row in robustness(study)}
    for row in verdict(study).compared:
        assert row.shared_slope_gain.mean == alone[row.strength].mean
        assert row.shared_slope_gain.half > 1.2 * alone[row.strength].half
    collapsed = results(small_config(betas=(1.0, 2.0, 4.0)), train_active_kl=lambda mu, beta, seed: 4.0 * (beta < 4))
    (row,) = verdict(collapsed).compared
    assert row.shared_slope_gain == robustness(collapsed)[1].shared_slope_gain
