"""The density by pykeops, where it is installed: reductions over symbolic pairs, compiled for each formula."""

import contextlib
import importlib.util
import io
import math
import os
from typing import Any

import torch
from torch import Tensor


def is_installed() -> bool:
    """Whether pykeops can be imported; nothing is imported yet."""
    return importlib.util.find_spec("pykeops") is not None


def density(z: Tensor, mu: Tensor, logvar: Tensor, dataset_size: int) -> tuple[Tensor, Tensor]:
    """(log q(z), log prod_d q(z_d)), each [M], minibatch-weighted.

    Everything that depends on one column alone is computed outside of the pairs, as a careful user would.
    """
    rows, latents = z.shape
    log_weight = math.log(rows * dataset_size)
    half_precision = 0.5 * torch.exp(-logvar)
    constant = -0.5 * (math.log(2 * math.pi) + logvar)
    lazy = _lazy_tensor()
    query, mean = lazy(z.view(rows, 1, latents)), lazy(mu.view(1, rows, latents))
    weight = lazy(half_precision.view(1, rows, latents))
    joint = lazy(constant.sum(1).view(1, rows, 1)) - ((query - mean) ** 2 * weight).sum(-1)
    # One mixture per latent: the latents are a batch axis of pairs of scalars.
    query, mean, weight, offset = (
        lazy(t.t().contiguous().view(latents, *shape, 1))
        for t, shape in ((z, (rows, 1)), (mu, (1, rows)), (half_precision, (1, rows)), (constant, (1, rows)))
    )
    marginals = (offset - (query - mean) ** 2 * weight).logsumexp(2).view(latents, rows)
    return joint.logsumexp(1).view(rows) - log_weight, (marginals - log_weight).sum(0)


def _lazy_tensor() -> Any:
    """The class, imported silently. pykeops brings an OpenMP of its own, which reads its number of threads here."""
    os.environ["OMP_NUM_THREADS"] = str(torch.get_num_threads())
    with contextlib.redirect_stdout(io.StringIO()):
        import pykeops
        from pykeops.torch import LazyTensor

        pykeops.set_verbose(False)
    return LazyTensor
