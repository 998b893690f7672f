"""Posteriors of a small data set, and what answers about them are held against."""

import torch
from torch import Tensor

from pyvae.aggregate import Estimate
from pyvae.ops import reference
from tests.ops.posteriors import posteriors

N, D = 1271, 5


def encoded(n: int = N, d: int = D, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Narrow latents and, last, a collapsed one."""
    _, mu, logvar = posteriors((), n, d, torch.float64)
    mu[:, -1] *= 0.01
    logvar[:, -1] *= 0.01
    return mu.to(dtype), logvar.to(dtype)


def brute_force(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    return reference.minibatch_log_density(z.double(), mu.double(), logvar.double(), estimator="full")


def assert_within(estimate: Estimate, truth: Tensor | float, errors: float = 4.5) -> None:
    difference = (estimate.value - torch.as_tensor(truth, dtype=torch.float64)).abs()
    assert (difference <= errors * estimate.standard_error + 1e-6).all(), (estimate, truth)
