"""Replicates of covariances spread as covariances do."""

import numpy as np

from pyvae.metrics.estimators.covariances import covariances, unbiased_interval


def test_replicates_spread_as_covariances_of_normals_do() -> None:
    """Of unit normals a covariance has the variance 1 / N, a variance 2 / N; grouped rows or not."""
    rng = np.random.default_rng(0)
    for rows in (900, 5003):
        drawn = covariances(rng.normal(size=(rows, 2)) + 5, seed=1, replicates=400)
        assert np.allclose(drawn.std(0) * np.sqrt(rows), [[np.sqrt(2), 1], [1, np.sqrt(2)]], rtol=0.2)
        assert np.allclose(drawn.mean(0), np.eye(2), atol=0.1)


def test_no_latents_have_no_covariances() -> None:
    assert covariances(np.zeros((10, 0)), seed=0).shape == (200, 0, 0)


def test_an_interval_moves_down_by_the_bias_of_its_replicates() -> None:
    replicates = 1.5 + np.tile([-0.1, 0.1], 50)
    low, high = unbiased_interval(1.0, replicates, 0.0, 2.0, rows=100)
    assert abs(low - (0.5 - 1.984 * replicates.std(ddof=1))) < 1e-3 and high == 1.0
    assert unbiased_interval(1.0, np.array([1.0, np.inf]), 0.0, 2.0, rows=100) == (0.0, 2.0)
