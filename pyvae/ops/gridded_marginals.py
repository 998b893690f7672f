"""Marginal log-densities in linear time: what minibatch_log_density(method="gridded") takes for its marginals."""

from typing import Any

import torch
from torch import Tensor

from pyvae.ops.arguments import is_known
from pyvae.ops.differentiable import Differentiable, final, gradient_of
from pyvae.ops.registration import scores_serve, times_score, vmap_over_leading_axes, wanted

# Where "auto" takes grids: with so many pairs for every query and posterior, and so many pairs times latents more, both
# methods take as long (benchmarks/crossover.py). As many queries as posteriors: from M = 404 on with ten latents, 861
# with one, 280 with many.
_PAIRS_PER_POINT, _PAIRS_ONCE = 140, 500_000
# On CUDA grids take some 30 launches, about 0.1 ms, and so do all pairs of one latent at about 30 operations each on a
# GPU of 3e13 per second: so many of them at least. Counted, not yet measured.
_PAIRS_OF_LAUNCHES = 2**27


def grids_serve(z: Tensor) -> bool:
    """Whether there are grids for tensors of this type on this device."""
    return z.dtype == torch.float32 and z.device.type in ("cpu", "cuda")


def takes_grids(method: str, z: Tensor, mu: Tensor) -> bool:
    """Whether a method takes the marginals of these queries and posteriors from grids.

    Raises:
        NotImplementedError: for "gridded" where there are no grids.
        ValueError: for an unknown method.
    """
    able = grids_serve(z)
    if method == "auto":
        queries, columns, latents = z.shape[-2], *mu.shape[-2:]  # of one batch entry: stacked or alone, the same choice
        worth_launching = z.device.type == "cpu" or is_known(z.numel() * columns >= _PAIRS_OF_LAUNCHES)
        least = _PAIRS_PER_POINT * (queries + columns) * latents + _PAIRS_ONCE
        return able and worth_launching and is_known(queries * columns * latents >= least)
    if method == "gridded" and not able:
        raise NotImplementedError(
            f"method 'gridded' must have float32 tensors on the CPU or CUDA, got {z.dtype} on {z.device.type}; "
            "use 'exact'."
        )
    if method not in ("exact", "gridded"):
        raise ValueError(f"method must be 'auto', 'exact' or 'gridded', got {method!r}.")
    return method == "gridded"


def gridded_marginals(
    z: Tensor, mu: Tensor, logvar: Tensor, dataset_size: int, estimator: int, rtol: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Marginals [..., Q, D] of float32 tensors, their derivatives in z, and how each was made.

    The last is 0 for a density from the grids of docs/gridding.md, 1 for a sum over the components within reach, 2 for
    one over all. Arguments as the op takes them, after the checks of minibatch_log_density.
    """
    marginals, score, tier = _op(z, mu, logvar, dataset_size, estimator, rtol)
    return marginals, score, tier


@torch.library.register_fake("pyvae::gridded_marginals")
def _fake(
    z: Tensor, mu: Tensor, logvar: Tensor, dataset_size: int, estimator: int, rtol: float
) -> tuple[Tensor, Tensor, Tensor]:
    return z.new_empty(z.shape), z.new_empty(z.shape), z.new_empty(z.shape, dtype=torch.uint8)


@torch.library.register_fake("pyvae::gridded_marginals_backward")
def _backward_fake(
    grad_marginals: Tensor,
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    marginals: Tensor,
    score: Tensor,
    tier: Tensor,
    dataset_size: int,
    estimator: int,
    rtol: float,
) -> tuple[Tensor, Tensor, Tensor]:
    return z.new_empty(z.shape), mu.new_empty(mu.shape), mu.new_empty(mu.shape)


_gradient = gradient_of("gridded_marginals")


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    z, mu, logvar, *ctx.numbers = inputs
    marginals, score, tier = output
    ctx.mark_non_differentiable(score, tier)
    ctx.save_for_backward(z, mu, logvar, marginals, score, tier)


def _backward(ctx: Any, grad_marginals: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    if scores_serve(ctx):
        z, *_, score, _ = ctx.saved_tensors
        return final("gridded_marginals", times_score(grad_marginals, score), z), None, None, None, None, None
    grads = _gradient(grad_marginals, *ctx.saved_tensors, *ctx.numbers)
    return (*wanted(ctx, grads), None, None, None)


_op = Differentiable("gridded_marginals", _setup_context, _backward)
vmap_over_leading_axes("gridded_marginals", "gridded_marginals_backward")
