"""The lasso of covariances against scikit-learn's of rows."""

import numpy as np
from sklearn.linear_model import Lasso

from pyvae.metrics.estimators.lasso import lasso


def test_it_is_the_lasso_of_scikit_learn_in_a_batch() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 300, 4)) @ rng.normal(size=(4, 4))
    y = x[..., :3] @ rng.normal(size=(3, 5)) + rng.normal(size=(2, 300, 5))
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    found = lasso(x.mT @ x / 300, x.mT @ y / 300, 0.3)
    for k in range(2):
        expected = Lasso(alpha=0.3, tol=1e-12, max_iter=100_000).fit(x[k], y[k]).coef_.T
        assert np.allclose(found[k], expected, atol=1e-5) and (expected == 0).any()


def test_an_input_without_variance_is_not_used_and_copies_are_used_once() -> None:
    gram = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    found = lasso(gram, np.array([[1.0], [1.0], [0.0]]), 0.1)
    assert found[:, 0].tolist() == [0.9, 0.0, 0.0]
