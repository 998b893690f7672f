"""The lasso from covariances alone: many targets and many replicates in one descent."""

import numpy as np

from pyvae.metrics.estimators.columns import Array

SWEEPS = 1000
TOLERANCE = 1e-7


def lasso(gram: Array, cross: Array, penalty: float) -> Array:
    """Coefficients [..., A, B] that minimise w' gram w / 2 - cross' w + penalty |w|, by coordinate descent.

    gram [..., A, A] are covariances of the inputs, cross [..., A, B] those with the targets. An input without variance
    has the coefficient 0.
    """
    weights = np.zeros_like(cross)
    for _ in range(SWEEPS):
        moved = 0.0
        for a in range(gram.shape[-1]):
            variance = gram[..., a, a, None]
            rest = cross[..., a, :] - np.einsum("...k,...kb->...b", gram[..., a, :], weights)
            rest += variance * weights[..., a, :]
            shrunk = np.sign(rest) * np.maximum(np.abs(rest) - penalty, 0.0)
            new = shrunk / np.where(variance > 0, variance, np.inf)
            moved = max(moved, float(np.abs(new - weights[..., a, :]).max(initial=0.0)))
            weights[..., a, :] = new
        if moved < TOLERANCE:
            break
    return weights
