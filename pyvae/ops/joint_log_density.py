"""The joint of minibatch_log_density alone, for methods that find the marginals in another way."""

from typing import Any

import torch
from torch import Tensor

from pyvae.ops.differentiable import Differentiable, final, gradient_of
from pyvae.ops.registration import (
    asks_rows_only,
    empty_scores,
    scores_serve,
    times_score,
    vmap_over_leading_axes,
    wanted,
)


def joint_log_density(z: Tensor, mu: Tensor, logvar: Tensor, dataset_size: int, estimator_number: int) -> Tensor:
    """log q(z_i) under the mixture of all posteriors, [..., Q]: minibatch_log_density's joint to rounding.

    Below the public door: `z` [..., Q, D], `mu` and `logvar` [..., M, D] have the same leading axes and one dtype,
    float32 or float64. `estimator_number` is that of csrc/math/estimators.h; for 0, "full", `dataset_size` is not read.
    """
    joint: Tensor = _op(z, mu, logvar, dataset_size, estimator_number, asks_rows_only(z, mu, logvar))[0]
    return joint


def joint_with_score(z: Tensor, mu: Tensor, logvar: Tensor, scores: bool) -> tuple[Tensor, Tensor]:
    """The joint under the mean of all posteriors and its derivatives in z [..., Q, D], empty where nobody asks for
    them; itself not differentiable.
    """
    joint, peak, total, score = _op(z, mu, logvar, 1, 0, scores and z.is_cpu)
    if scores and not z.is_cpu:
        score = _gradient(torch.ones_like(joint), z, mu, logvar, peak, total, 1, 0)[0]
    return joint, score


@torch.library.register_fake("pyvae::joint_log_density")
def _fake(
    z: Tensor, mu: Tensor, logvar: Tensor, dataset_size: int, estimator: int, scores: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rows = z.shape[:-1]
    return z.new_empty(rows), z.new_empty(rows), z.new_empty(rows), empty_scores(z, scores)


@torch.library.register_fake("pyvae::joint_log_density_backward")
def _backward_fake(
    grad_joint: Tensor,
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    peak: Tensor,
    total: Tensor,
    dataset_size: int,
    estimator: int,
) -> tuple[Tensor, Tensor, Tensor]:
    return z.new_empty(z.shape), mu.new_empty(mu.shape), mu.new_empty(mu.shape)


_gradient = gradient_of("joint_log_density")


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    z, mu, logvar, ctx.dataset_size, ctx.estimator, ctx.scores = inputs
    _, peak, total, score = output
    ctx.mark_non_differentiable(peak, total, score)
    ctx.save_for_backward(z, mu, logvar, peak, total, score)


def _backward(ctx: Any, grad_joint: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    *saved, score = ctx.saved_tensors
    if ctx.scores and scores_serve(ctx):
        grad_z = times_score(grad_joint.unsqueeze(-1), score)
        return final("joint_log_density", grad_z, saved[0]), None, None, None, None, None
    grads = _gradient(grad_joint, *saved, ctx.dataset_size, ctx.estimator)
    return (*wanted(ctx, grads), None, None, None)


_op = Differentiable("joint_log_density", _setup_context, _backward)
vmap_over_leading_axes("joint_log_density", "joint_log_density_backward")
