"""The log-density of a minibatch's samples under the posteriors of all data points, stored ones but the minibatch's."""

import math
from typing import Any

import torch
from torch import Tensor

from pyvae.ops.bank_parts import density_of_all, density_of_some
from pyvae.ops.differentiable import Differentiable, final
from pyvae.ops.kl_decomposition import log_normal, standardised
from pyvae.ops.minibatch_log_density import LogDensity
from pyvae.ops.registration import empty_scores, times_score, vmap_over_leading_axes

# Written in Python, of other ops: what it does depends on data, such as which rows are in use, and an op is where
# torch.compile and torch.export do not look.
_NAME = "pyvae::bank_log_density"
torch.library.define(
    _NAME,
    "(Tensor z, Tensor mu, Tensor logvar, Tensor bank_mu, Tensor bank_logvar, Tensor index, Tensor in_use, bool stored,"
    " str method, float rtol, bool scores) -> (Tensor joint, Tensor marginals, Tensor own_share, Tensor joint_score,"
    " Tensor marginal_scores)",
)


def bank_log_density(
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    bank_mu: Tensor,
    bank_logvar: Tensor,
    index: Tensor,
    in_use: Tensor,
    *,
    stored: bool,
    method: str,
    rtol: float,
) -> LogDensity:
    r"""log q(z_i) and log q(z_id) under posteriors j of F of the N data points, among them sample i's own:

    .. math::
        q(z_i) = \frac 1N q(z_i | x_i) + \frac{N - 1}{N (F - 1)} \sum_{j \ne i} q(z_i | x_j)

    The F rows are those of the minibatch, as `mu` and `logvar` give them, and those of other data points that `in_use`
    names, as the bank has them. For samples of other data than the bank's, with an index of no columns, every row in
    use weighs 1 / F.

    Gradients are those of z and, of the joint, that of the sample's own row at a fixed z, times the row's share of
    q(z_i): docs/bank.md derives why. Nothing of the bank is saved, so that it may change before the backward.

    Below the public door: `z`, `mu`, `logvar` [..., M, D] of one dtype, float32 or float64; `bank_mu`, `bank_logvar`
    [..., N, D], floating; int64 `index` [..., M] from 0 to N - 1; bool `in_use` [..., N], of which there is one at
    least where the index has no columns. `stored` says that the bank has the minibatch's rows, and in use.
    """
    scores = torch.is_grad_enabled()
    joint, marginals, *_ = _op(z, mu, logvar, bank_mu, bank_logvar, index, in_use, stored, method, float(rtol), scores)
    return LogDensity(joint, marginals)


@torch.library.impl(_NAME, ("cpu", "cuda"))
@torch.no_grad()
def _forward(
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    bank_mu: Tensor,
    bank_logvar: Tensor,
    index: Tensor,
    in_use: Tensor,
    stored: bool,
    method: str,
    rtol: float,
    scores: bool,
) -> tuple[Tensor, ...]:
    leading = z.shape[:-2]
    tensors = z, mu, logvar, bank_mu, bank_logvar
    z, mu, logvar, bank_mu, bank_logvar = (t.reshape(leading.numel(), *t.shape[-2:]) for t in tensors)
    index, in_use = (t.reshape(leading.numel(), t.shape[-1]) for t in (index, in_use))
    how = method, rtol, scores
    if z.numel() == 0:
        density = *(z.new_zeros(s) for s in (z.shape[:-1], z.shape)), *(empty_scores(z, scores),) * 2
        own = z.new_zeros(z.shape[0], 1)
    elif stored and bool(in_use.all()):
        density = density_of_all(z, bank_mu, bank_logvar, how)
        own = z.new_full((z.shape[0], 1), -math.log(bank_mu.shape[-2]))
    else:
        calls = [
            density_of_some(z[b], mu[b], logvar[b], bank_mu[b], bank_logvar[b], index[b], in_use[b], how)
            for b in range(z.shape[0])
        ]
        densities, weights = zip(*calls, strict=True)
        density = tuple(torch.stack(parts) for parts in zip(*densities, strict=True))
        own = z.new_tensor(weights).unsqueeze(-1)
    joint, marginals, *both_scores = density
    # Of a rounded row in the bank the density may be a trifle below what the own row alone would give.
    share = (own + log_normal(z, mu, logvar).sum(-1) - joint).exp().clamp(max=1.0)
    return tuple(t.reshape(*leading, *t.shape[1:]) for t in (joint, marginals, share, *both_scores))


@torch.library.register_fake(_NAME)
def _fake(
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    bank_mu: Tensor,
    bank_logvar: Tensor,
    index: Tensor,
    in_use: Tensor,
    stored: bool,
    method: str,
    rtol: float,
    scores: bool,
) -> tuple[Tensor, ...]:
    rows = z.new_empty(z.shape[:-1]), z.new_empty(z.shape), z.new_empty(z.shape[:-1])
    return *rows, empty_scores(z, scores), empty_scores(z, scores)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.mark_non_differentiable(*output[2:])
    ctx.save_for_backward(*inputs[:3], *output[2:])


def _backward(ctx: Any, grad_joint: Tensor, grad_marginals: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    z, mu, logvar, own_share, joint_score, marginal_scores = ctx.saved_tensors
    of_joint = grad_joint.unsqueeze(-1)
    needs_z, needs_mu, needs_logvar = ctx.needs_input_grad[:3]
    grad_z = grad_mu = grad_logvar = None
    if needs_z:
        grad_z = times_score(of_joint, joint_score) + times_score(grad_marginals, marginal_scores)
        grad_z = final("PosteriorBank", grad_z, z)
    own, eps = of_joint * own_share.unsqueeze(-1), standardised(z, mu, logvar)
    if needs_mu:
        grad_mu = final("PosteriorBank", times_score(own, eps * torch.exp(-0.5 * logvar)), z, mu, logvar)
    if needs_logvar:
        grad_logvar = final("PosteriorBank", times_score(own, 0.5 * (eps * eps - 1)), z, mu, logvar)
    return grad_z, grad_mu, grad_logvar, *(None,) * 8


_op = Differentiable("bank_log_density", _setup_context, _backward)
vmap_over_leading_axes("bank_log_density")
