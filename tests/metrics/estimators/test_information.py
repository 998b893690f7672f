"""Information with what chance adds to it, and how far intervals reach."""

import numpy as np
import pytest

from pyvae.metrics import mig_sup, modularity
from pyvae.metrics.estimators.information import information_of
from pyvae.quantiles import t_quantile


@pytest.mark.parametrize("metric", [mig_sup, modularity])
def test_noise_of_few_rows_is_not_in_use(metric) -> None:
    """Of ten values and 20 bins chance adds 0.43 nats to the information of 200 rows."""
    rng, of_noise = np.random.default_rng(0), []
    for _ in range(40):
        labels = rng.integers(10, size=(200, 2))
        codes = np.stack([labels[:, 0] + 0.1 * rng.normal(size=200), rng.normal(size=200)], 1)
        score = metric(codes, labels, estimator="histogram")
        assert score.parts["information"][1].min() > 0.1 and score.parts["active"][0]
        of_noise.append(score.parts["active"][1])
    assert np.mean(of_noise) < 0.2  # of two factors either may seem to be told, 2.5 % of times each


def test_intervals_reach_as_far_as_student_s_t() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=(4000, 2))
    information = information_of(labels + rng.normal(size=labels.shape), labels, estimator="histogram")
    found = information.measured(lambda value, entropies: value.mean((-2, -1)), 1.0)
    replicates = information.value_replicates.mean((-2, -1))
    reach = t_quantile(len(replicates) - 1) * replicates.std(ddof=1)
    assert (found.high - found.low) / 2 == pytest.approx(reach, rel=1e-9)
