"""The log-density of a minibatch's samples under the posteriors of all data points, stored ones but the minibatch's."""

import math
from typing import Any

import torch
from torch import Tensor

from pyvae.ops.bank_parts import Density, How, alone, density_of_all, density_of_some, has_no_double
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
    names, as the bank has them. A data point that the minibatch has more than once is there by the last of its rows,
    and for each of its samples by the sample's own. For samples of other data than the bank's, with an index of no
    columns, every row in use weighs 1 / F.

    Gradients are those of z and, of the joint, that of the sample's own row at a fixed z, times the row's share of
    q(z_i): docs/bank.md derives why. Nothing of the bank is saved, so that it may change before the backward.

    Below the public door: `z`, `mu`, `logvar` [..., M, D] of one dtype, float32 or float64; `bank_mu`, `bank_logvar`
    [..., N, D], floating; int64 `index` [..., M] from 0 to N - 1; bool `in_use` [..., N]. `stored` says that the bank
    has the minibatch's rows to the bit, of a data point that is there more than once the last.

    Raises ValueError for numbers out of range, and for a bank without rows where the index has no columns.
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
    if index.numel() > 0 and not 0 <= int(index.min()) <= int(index.max()) < bank_mu.shape[-2]:
        raise ValueError(f"index must be from 0 to {bank_mu.shape[-2] - 1}, the bank's rows, got others.")
    if z.numel() == 0:
        nothing = empty_scores(z, scores)
        density = Density(z.new_zeros(z.shape[:-1]), torch.zeros_like(z), nothing, nothing)
        own = z.new_zeros(len(z), 1)
    else:
        # What an entry is asked does not depend on the others: a model has the same bits alone and in company.
        whole = [stored and bool(in_use[b].all()) and has_no_double(index[b]) for b in range(len(z))]
        density, own = _densities(z, mu, logvar, bank_mu, bank_logvar, index, in_use, whole, how)
    share = (own + log_normal(z, mu, logvar).sum(-1) - density.joint).exp().clamp(max=1.0)
    share = share.masked_fill(density.joint == -math.inf, 0.0)
    parts = density.joint, density.marginals, share, density.joint_score, density.marginal_scores
    return tuple(part.reshape(*leading, *part.shape[1:]) for part in parts)


def _densities(
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    bank_mu: Tensor,
    bank_logvar: Tensor,
    index: Tensor,
    in_use: Tensor,
    whole: list[bool],
    how: How,
) -> tuple[Density, Tensor]:
    """Those of a batch of minibatches, and the log weights [B, 1] of samples' own rows. Of minibatches that are `whole`
    the bank's rows serve as they lie.
    """
    log_size = math.log(bank_mu.shape[-2])
    if all(whole):
        return density_of_all(z, bank_mu, bank_logvar, how), z.new_full((len(z), 1), -log_size)
    densities, weights = [], []
    for b, as_it_lies in enumerate(whole):
        if as_it_lies:
            densities.append(alone(density_of_all(z[b, None], bank_mu[b, None], bank_logvar[b, None], how)))
            weights.append(-log_size)
        else:
            one = density_of_some(z[b], mu[b], logvar[b], bank_mu[b], bank_logvar[b], index[b], in_use[b], how)
            densities.append(one[0])
            weights.append(one[1])
    return Density(*(torch.stack(of) for of in zip(*densities, strict=True))), z.new_tensor(weights).unsqueeze(-1)


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
