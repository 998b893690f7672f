"""The KL term of the ELBO as mutual information, total correlation and dimension-wise KL."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyvae.ops.arguments import in_dtype
from pyvae.ops.differentiable import Differentiable, gradient_of
from pyvae.ops.minibatch_log_density import Estimator, LogDensity, Method, minibatch_log_density
from pyvae.ops.registration import exportable, vmap_over_leading_axes, wanted


@exportable
class KLDecomposition(NamedTuple):
    """The three parts per sample, [..., M], in nats; they add up to log q(z|x) - log p(z)."""

    mutual_information: Tensor
    total_correlation: Tensor
    dimwise_kl: Tensor


def kl_decomposition(
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    *,
    dataset_size: int | None = None,
    estimator: Estimator = "mss",
    method: Method = "auto",
    rtol: float = 1e-5,
    log_weights: Tensor | None = None,
) -> KLDecomposition:
    r"""Splits log q(z|x) - log p(z) of each sample (Chen et al. 2018, eq. 2; p is the standard normal).

    .. math::
        \mathrm{MI} = \log q(z|x) - \log q(z), \quad \mathrm{TC} = \log q(z) - \sum_d \log q(z_d), \quad
        \mathrm{DWKL} = \sum_d [\log q(z_d) - \log p(z_d)]

    The three telescope exactly whatever the estimator. "mss" and "balanced" are unbiased for q(z), not for log q(z):
    a total correlation slightly below 0 is no error. The value of "mws" carries an offset of (D - 1) log N. With few
    rows all are far off: at M = 5 of N = 1 797 the mutual information of a trained model reads 2.4 nats too large and
    the dimension-wise KL 3.9 too small, so leave out or weigh down the short last batch of a DataLoader (docs/ops.md).
    A sample so far away that every log-density is -inf gives NaN.

    Args:
        z: samples, [..., M, D], row i drawn from posterior i.
        mu, logvar: the posteriors, [..., M, D].
        dataset_size, estimator, method, rtol: as in minibatch_log_density.
        log_weights: log importance weights [..., M], as there: the three parts are those of the unbiased aggregate
            posterior.

    Returns:
        KLDecomposition of [..., M] tensors; average over the last axis for the minibatch's estimate. Parts are of each
        row as it is: with log_weights the average is sum_i w_i t_i / sum_i w_i, pyvae.losses.weighted_mean.

    Raises:
        TypeError, ValueError: as minibatch_log_density, and ValueError if z has another number of rows than mu.

    Example:
        >>> mu, logvar = torch.zeros(4, 2), torch.zeros(4, 2)
        >>> kl_decomposition(mu, mu, logvar, estimator="full").total_correlation
        tensor([0., 0., 0., 0.])
    """
    if isinstance(z, Tensor) and isinstance(mu, Tensor) and z.shape[-2:-1] != mu.shape[-2:-1]:
        raise ValueError(f"z must have as many rows as mu, got the shapes {list(z.shape)} and {list(mu.shape)}.")
    density = minibatch_log_density(
        z, mu, logvar,
        dataset_size=dataset_size, estimator=estimator, method=method, rtol=rtol, log_weights=log_weights,
    )  # fmt: skip
    z, mu, logvar = in_dtype(density.joint.dtype, z, mu, logvar)
    return kl_parts(z, mu, logvar, density)


def kl_parts(z: Tensor, mu: Tensor, logvar: Tensor, density: LogDensity) -> KLDecomposition:
    """The three parts by densities at samples z [..., M, D] of posteriors mu and logvar, all of one dtype."""
    if z.device.type != "cpu" or torch.compiler.is_compiling():
        return _in_plain_torch(z, mu, logvar, *density)
    if not z.shape == mu.shape == logvar.shape == density.marginals.shape:
        z, mu, logvar = (t.expand(density.marginals.shape) for t in (z, mu, logvar))
    return KLDecomposition(*_op(z, mu, logvar, *density))


def _in_plain_torch(z: Tensor, mu: Tensor, logvar: Tensor, joint: Tensor, marginals: Tensor) -> KLDecomposition:
    """What the op computes on the CPU: for other devices, and for torch.compile, which fuses it with its neighbours."""
    # log_normal's sums over the latents, with constants and factors after the sum: half as many passes over the batch.
    constant = 0.5 * z.shape[-1] * math.log(2 * math.pi)
    eps = standardised(z, mu, logvar)
    log_qz_given_x = -0.5 * torch.addcmul(logvar, eps, eps).sum(-1) - constant
    log_pz = -0.5 * z.square().sum(-1) - constant
    log_prod_qz = marginals.sum(-1)
    return KLDecomposition(log_qz_given_x - joint, joint - log_prod_qz, log_prod_qz - log_pz)


@torch.library.register_fake("pyvae::kl_decomposition")
def _fake(z: Tensor, mu: Tensor, logvar: Tensor, joint: Tensor, marginals: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rows = z.shape[:-1]
    return z.new_empty(rows), z.new_empty(rows), z.new_empty(rows)


@torch.library.register_fake("pyvae::kl_decomposition_backward")
def _backward_fake(
    grad_mutual_information: Tensor,
    grad_total_correlation: Tensor,
    grad_dimwise_kl: Tensor,
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
) -> tuple[Tensor, ...]:
    of_z, of_mu, of_logvar, of_marginals = (z.new_empty(z.shape) for _ in range(4))
    return of_z, of_mu, of_logvar, z.new_empty(z.shape[:-1]), of_marginals


_gradient = gradient_of("kl_decomposition")


def _setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*inputs[:3])


def _backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
    return tuple(wanted(ctx, _gradient(*grads, *ctx.saved_tensors)))


_op = Differentiable("kl_decomposition", _setup_context, _backward)
vmap_over_leading_axes("kl_decomposition", "kl_decomposition_backward")


def log_normal(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """log N(z; mu, exp(logvar)), elementwise."""
    return -0.5 * (standardised(z, mu, logvar) ** 2 + logvar + math.log(2 * math.pi))


def standardised(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """(z - mu) / sigma, elementwise."""
    # exp(-logvar / 2) stays finite where exp(-logvar) overflows.
    return (z - mu) * torch.exp(-0.5 * logvar)
