"""Random posteriors and samples of them: z [..., M, D], mu [..., M, D], logvar [..., M, D]."""

import torch
from torch import Tensor

ESTIMATORS = ["full", "mws", "mss", "balanced"]


def posteriors(leading: tuple[int, ...], m: int, d: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    mu = torch.randn(*leading, m, d, dtype=dtype)
    logvar = torch.randn(*leading, m, d, dtype=dtype) - 2
    z = mu + torch.exp(0.5 * logvar) * torch.randn(*leading, m, d, dtype=dtype)
    return [z, mu, logvar]


def size_for(estimator: str, m: int) -> int | None:
    """A dataset_size that goes with the estimator."""
    return None if estimator == "full" else 3 * m + 5
