"""Codes whose scores are known: of five factors, perfect, changed in ways that matter, and in ways that do not."""

import functools

import numpy as np

from pyvae.metrics import Factors

SIZES = (3, 4, 5, 8, 32)
ROWS = 4000


@functools.cache
def _rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(size, size=ROWS) for size in SIZES], 1)


@functools.cache
def factors() -> Factors:
    """Drawn evenly; the first is nominal."""
    return Factors(_rows(), names=("kind", "scale", "turn", "x", "y"), nominal=["kind"])


def grid() -> np.ndarray:
    """A perfect code: each latent is one factor, of standard deviation 1."""
    values = _rows().astype(np.float64)
    return (values - values.mean(0)) / values.std(0)


def noisy(std: float = 0.1) -> np.ndarray:
    return grid() + std * np.random.default_rng(1).normal(size=(ROWS, len(SIZES)))


def rotated() -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(len(SIZES), len(SIZES))))
    return grid() @ q


def mixed() -> np.ndarray:
    """Each two neighbours are their sum and difference; the last stays alone."""
    codes = noisy()
    for k in (0, 2):
        codes[:, [k, k + 1]] = np.stack([codes[:, k] + codes[:, k + 1], codes[:, k] - codes[:, k + 1]], 1)
    return codes


CODES = {
    "perfect": grid(),
    "permuted": grid()[:, [3, 0, 4, 1, 2]],
    "scaled": grid() * 0.01 + 3,
    "exp": np.exp(grid()),
    "rotated": rotated(),
    "duplicated": np.concatenate([grid(), grid()[:, :1]], 1),
    "noisy": noisy(),
    "mixed": mixed(),
    "dead": np.concatenate([grid(), np.zeros((ROWS, 1))], 1),
    "with noise": np.concatenate([grid(), np.random.default_rng(3).normal(size=(ROWS, 5))], 1),
    "noise": np.random.default_rng(4).normal(size=(ROWS, 5)),
    "constant": np.zeros((ROWS, 5)),
}
