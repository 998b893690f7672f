"""The log-density of samples under the aggregate posterior, estimated from a minibatch in linear memory."""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from pyvae.ops.arguments import (
    broadcast,
    check_axes,
    check_tensors,
    compute_dtype,
    in_dtype,
    is_known,
    is_whole,
    traced_number,
)
from pyvae.ops.differentiable import Differentiable, final, gradient_of
from pyvae.ops.gridded_marginals import gridded_marginals, takes_grids
from pyvae.ops.importance import fitted_log_weights, importance_of
from pyvae.ops.joint_log_density import joint_log_density
from pyvae.ops.registration import (
    asks_rows_only,
    empty_scores,
    exportable,
    scores_serve,
    times_score,
    vmap_over_leading_axes,
    wanted,
)

Estimator = Literal["full", "mws", "mss", "balanced"]
Method = Literal["auto", "exact", "gridded"]

# The numbers of csrc/math/estimators.h.
_ESTIMATORS = {"full": 0, "mws": 1, "mss": 2, "balanced": 3}


@exportable
class LogDensity(NamedTuple):
    """Log-densities of the queries: `joint` [..., Q] and per latent `marginals` [..., Q, D], in nats."""

    joint: Tensor
    marginals: Tensor


def minibatch_log_density(
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    *,
    dataset_size: int | None = None,
    estimator: Estimator = "mss",
    method: Method = "auto",
    rtol: float = 1e-5,
    log_weights: Tensor | None = None,
) -> LogDensity:
    r"""log q(z_i) and log q(z_id) under the mixture of all posteriors, in O((Q + M) D) memory.

    .. math::
        \log q(z_i) = \operatorname{logsumexp}_j \Big[\log w_{ij}
            + \sum_d \log \mathcal N(z_{id}; \mu_{jd}, \sigma_{jd}^2)\Big], \qquad
        \log q(z_{id}) = \operatorname{logsumexp}_j \Big[\log w_{ij}
            + \log \mathcal N(z_{id}; \mu_{jd}, \sigma_{jd}^2)\Big]

    Weights w_ij for a minibatch of M out of N data points:

    ========== ================= ======= ==================== ==============================================
    estimator  all pairs         j = i   j = i + 1 mod M      source
    ========== ================= ======= ==================== ==============================================
    full       1/M                                            the M posteriors are the data set; any Q
    mws        1/(N M)                                        Chen et al. 2018, section 4.1
    mss        1/(M - 1)         1/N     (N - M + 1)/(N(M-1)) Chen et al. 2018, appendix C
    balanced   (N-1)/(N(M-1))    1/N                          unbiased for q(z) in any order of the minibatch
    ========== ================= ======= ==================== ==============================================

    With `log_weights`, log w_j = log p_unbiased(x_j) / p_biased(x_j) of a minibatch of biased data, these are densities
    of the aggregate posterior of the *unbiased* data, and the weights of pairs, where W is N times the minibatch's mean
    weight:

    ========== ================= ======= ========================================================================
    estimator  j other than i    j = i   source
    ========== ================= ======= ========================================================================
    full       w_j / sum_k w_k           self-normalised importance sampling; any Q
    mws        w_j / (M W)               Chen et al. 2018, appendix C.1, with x_n drawn with probability w_n / W:
                                         sum_j w_j q(z|x_j) / sum_j w_j, over N as without weights
    balanced   (W - w_i) / W     w_i / W the own posterior by its share of the data set, the others for the rest
               * w_j / sum_{k != i} w_k
    ========== ================= ======= ========================================================================

    Only their ratios count, so that weights known up to a factor serve, and equal ones are as none; W is not asked for,
    since it is a constant of "mws" and the own posterior's share in "balanced", where no w_i may exceed it.

    From a minibatch of few rows all but "full" are far off: docs/ops.md has the bias against M.

    Args:
        z: samples, [..., Q, D]; row i is drawn from posterior i unless the estimator is "full".
        mu: posterior means, [..., M, D].
        logvar: posterior log-variances, log sigma^2, [..., M, D]. Leading axes of all three broadcast.
        dataset_size: N, the size of the data set the minibatch was drawn from; required for all but "full".
        estimator: the weights, see above.
        method: "exact" evaluates every pair; "gridded" takes the marginals from grids in O((Q + M) D) time, with an
            error bound for each that sends it back to the exact sum where it does not hold (docs/gridding.md; float32
            only), and the joint exactly; "auto" is the faster of the two that keeps to rtol, and "exact" in a program
            that torch.export makes for sizes that are left open.
        rtol: relative error that grids may add to a marginal density; "exact" ignores it. Below 3e-6, where float32
            itself is in the way, more and more is summed exactly.
        log_weights: log importance weights of the posteriors, [..., M], floating of any precision, whose leading axes
            broadcast with mu's; -inf leaves a posterior out. No gradient reaches them. On the CPU they are read and
            refused where they are no weights; on other devices and in compiled programs a NaN or +inf, or only -inf,
            makes NaN of all densities. Every pair is evaluated, so that method is "auto" or "exact".

    Returns:
        LogDensity(joint, marginals), nats, float32 (float64 for float64 inputs), differentiable in z, mu, logvar.

    Raises:
        TypeError: for inputs that are no floating tensors, DTensors or of different dtypes, or a dataset_size that is
            no int.
        NotImplementedError: for inputs with a forward-mode tangent, and for "gridded" with float64, with log_weights or
            on another device than a CPU or a CUDA device.
        ValueError: for shapes that do not fit or are [..., 1, 1] with more than one leading axis, different devices, Q
            other than M where the estimator has a diagonal, a missing dataset_size or one below M, an unknown estimator
            or method, an rtol that is not positive; for log_weights with "mss", of another device or number of
            posteriors, and that are NaN, +inf or all -inf in a minibatch.

    Example:
        >>> mu, logvar = torch.zeros(4, 2), torch.zeros(4, 2)
        >>> minibatch_log_density(mu, mu, logvar, estimator="full").marginals[0]
        tensor([-0.9189, -0.9189])
    """
    check_tensors(z=z, mu=mu, logvar=logvar)
    z, mu, logvar = _fit_shapes(z, mu, logvar)
    if log_weights is not None:
        log_weights, mu, logvar = fitted_log_weights(log_weights, mu, logvar, estimator, method)
    shape = z.shape
    if estimator == "full" and z.dim() > 2 and mu.dim() == 2:
        z = z.flatten(0, -2)  # many sets of queries of one mixture are one set: no copy of mu per set
    elif z.dim() != mu.dim() or z.shape[:-2] != mu.shape[:-2]:
        z, mu, logvar = _expand_leading(z, mu, logvar)
        shape = z.shape
    size = _dataset_size(dataset_size, estimator, queries=z.shape[-2], columns=mu.shape[-2])
    rtol = traced_number(rtol)
    if not rtol > 0:
        raise ValueError(f"rtol must be greater than 0, got {rtol!r}.")
    dtype = compute_dtype(z, mu, logvar)
    z, mu, logvar = in_dtype(dtype, z, mu, logvar)
    number = _ESTIMATORS[estimator]
    columns, own_ratios, rows = None, None, None
    if log_weights is not None:
        columns, own_ratios, rows = importance_of(log_weights, estimator, size).of_posteriors(mu.shape[:-1], dtype)
    if takes_grids(method, z, mu) and columns is None:
        # In this order the joint's backward, which takes more memory, runs before the other's gradients exist.
        marginals, _, _ = gridded_marginals(z, mu, logvar, size, number, float(rtol))
        joint = joint_log_density(z, mu, logvar, size, number)
    else:
        scores = asks_rows_only(z, mu, logvar)
        joint, marginals, *_ = _op(z, mu, logvar, size, number, scores, columns, own_ratios)
        if rows is not None:
            joint, marginals = joint + rows, marginals + rows.unsqueeze(-1)
    if z.shape != shape:
        joint, marginals = joint.reshape(shape[:-1]), marginals.reshape(shape)
    return LogDensity(joint, marginals)


def _fit_shapes(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    mu, logvar = broadcast(mu=mu, logvar=logvar)
    check_axes("z", z, "[..., Q, D]")
    check_axes("mu", mu, "[..., M, D]")
    if z.shape[-1] != mu.shape[-1]:
        raise ValueError(f"z must have as many latents as mu, {mu.shape[-1]}, got {z.shape[-1]}.")
    if mu.shape[-2] == 0:
        raise ValueError(f"mu must hold at least one posterior, got the shape {list(mu.shape)}.")
    if mu.dim() > 3 and mu.shape[-2] == 1 and mu.shape[-1] == 1:
        raise ValueError(
            f"mu must have the shape [..., M, D], got {list(mu.shape)}, many mixtures of one posterior of one latent: "
            "make one axis of the latents of images [B, C, 1, 1] by mu.flatten(1)."
        )
    return z, mu, logvar


def _expand_leading(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    try:
        leading = torch.broadcast_shapes(z.shape[:-2], mu.shape[:-2])
    except RuntimeError:
        raise ValueError(
            f"z must have leading axes that broadcast with mu's {list(mu.shape[:-2])}, got {list(z.shape[:-2])}."
        ) from None
    return (
        z.expand(*leading, *z.shape[-2:]),
        mu.expand(*leading, *mu.shape[-2:]),
        logvar.expand(*leading, *mu.shape[-2:]),
    )


def _dataset_size(dataset_size: Any, estimator: str, *, queries: int, columns: int) -> int:
    if estimator not in _ESTIMATORS:
        raise ValueError(f"estimator must be one of {', '.join(map(repr, _ESTIMATORS))}, got {estimator!r}.")
    dataset_size = traced_number(dataset_size)
    symbolic = isinstance(dataset_size, torch.SymInt)
    if dataset_size is not None and not (symbolic or is_whole(dataset_size)):
        raise TypeError(f"dataset_size must be an int, got {type(dataset_size).__name__}.")
    if estimator == "full":
        if dataset_size is not None and is_known(dataset_size != columns):
            raise ValueError(
                f"dataset_size must be the number of posteriors, {columns}, or None for estimator 'full', "
                f"got {dataset_size}."
            )
        return 1  # not read: the kernels count the columns, and a constant keeps the batch size dynamic under compile
    if dataset_size is None:
        raise ValueError(f"dataset_size must be given for estimator {estimator!r}.")
    if is_known(dataset_size < columns):
        raise ValueError(f"dataset_size must be at least the number of posteriors, {columns}, got {dataset_size}.")
    if is_known(dataset_size >= 2**63):
        raise ValueError(f"dataset_size must fit in 64 bits, signed, got {dataset_size}.")
    if is_known(queries != columns):
        raise ValueError(
            f"z must have as many rows as mu, {columns}, for estimator {estimator!r}, got {queries} (row i of z is "
            f"drawn from posterior i)."
        )
    number: int = dataset_size if symbolic else int(dataset_size)
    return number


def density_with_scores(
    z: Tensor, mu: Tensor, logvar: Tensor, scores: bool, log_weights: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Joint and marginals under the mean of all posteriors, and their derivatives in z, which are empty where nobody
    asks for them; itself not differentiable, and exact.

    Below the public door: `z` [B, Q, D], `mu` and `logvar` [B, M, D] of one dtype. `log_weights` are, [B, M] each, what
    a posterior weighs more than 1 / M, and what the i-th weighs more for the i-th row.
    """
    weights = log_weights or (None, None)
    joint, marginals, peak, total, *both = _op(z, mu, logvar, 1, 0, scores and z.is_cpu, *weights)
    if scores and not z.is_cpu:
        cotangents = [(torch.ones_like(joint), torch.zeros_like(marginals))]
        cotangents += [(torch.zeros_like(joint), torch.ones_like(marginals))]
        both = [_gradient(*of, z, mu, logvar, peak, total, 1, 0, *weights)[0] for of in cotangents]
    return joint, marginals, *both


@torch.library.register_fake("pyvae::minibatch_log_density")
def _fake(
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    dataset_size: int,
    estimator: int,
    scores: bool,
    log_weights: Tensor | None = None,
    own_log_ratios: Tensor | None = None,
) -> tuple[Tensor, ...]:
    channels = (*z.shape[:-1], z.shape[-1] + 1)
    density = z.new_empty(z.shape[:-1]), z.new_empty(z.shape)
    return *density, z.new_empty(channels), z.new_empty(channels), empty_scores(z, scores), empty_scores(z, scores)


@torch.library.register_fake("pyvae::minibatch_log_density_backward")
def _backward_fake(
    grad_joint: Tensor,
    grad_marginals: Tensor,
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    peak: Tensor,
    total: Tensor,
    dataset_size: int,
    estimator: int,
    log_weights: Tensor | None = None,
    own_log_ratios: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    return z.new_empty(z.shape), mu.new_empty(mu.shape), mu.new_empty(mu.shape)


_gradient = gradient_of("minibatch_log_density")


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    z, mu, logvar, ctx.dataset_size, ctx.estimator, ctx.scores, *weights = inputs
    ctx.mark_non_differentiable(*output[2:])
    ctx.save_for_backward(*weights, z, mu, logvar, *output[2:])


def _backward(ctx: Any, grad_joint: Tensor, grad_marginals: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    *weights, z, mu, logvar, peak, total, joint_score, marginal_scores = ctx.saved_tensors
    if ctx.scores and scores_serve(ctx):
        grad_z = times_score(grad_joint.unsqueeze(-1), joint_score) + times_score(grad_marginals, marginal_scores)
        return final("minibatch_log_density", grad_z, z), *(None,) * 7
    saved = z, mu, logvar, peak, total
    grads = _gradient(grad_joint, grad_marginals, *saved, ctx.dataset_size, ctx.estimator, *weights)
    return (*wanted(ctx, grads), *(None,) * 5)


_op = Differentiable("minibatch_log_density", _setup_context, _backward)
vmap_over_leading_axes("minibatch_log_density", "minibatch_log_density_backward")
