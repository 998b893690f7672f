"""The ops in a few lines of plain torch, in the dtype of their inputs. Tests and benchmarks compare with these.

Nothing else imports this module. Densities are built as the [Q, M, D] tensor that the compiled ops exist to avoid.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """z = mu + sigma eps, with the noise given."""
    return mu + torch.exp(0.5 * logvar) * eps


def log_normal(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """log N(z; mu, exp(logvar)), elementwise."""
    return -0.5 * ((z - mu) ** 2 * torch.exp(-logvar) + logvar + math.log(2 * math.pi))


def gaussian_kl(
    mu: Tensor, logvar: Tensor, prior_mu: Tensor | float = 0.0, prior_logvar: Tensor | float = 0.0
) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(prior_mu, exp(prior_logvar))), elementwise."""
    prior_logvar = torch.as_tensor(prior_logvar, dtype=mu.dtype)
    delta = logvar - prior_logvar
    return 0.5 * ((mu - prior_mu) ** 2 * torch.exp(-prior_logvar) + torch.expm1(delta) - delta)


def reparameterize_moments(
    mean: Tensor,
    spread: Tensor | None,
    eps: Tensor,
    *,
    row_axes: int,
    scale: float = 1.0,
    low: float = -math.inf,
    high: float = math.inf,
    axis: int = -1,
    channels: int = 0,
) -> tuple[Tensor, Tensor]:
    """z and the KL of each row, of two heads or of means and spreads in one tensor, with the noise given."""
    if spread is None:
        mean, spread = mean.split([channels, mean.shape[axis] - channels], axis)
    logvar = scale * spread.clamp(low, high)
    return reparameterize(mean, logvar, eps), gaussian_kl(mean, logvar).unsqueeze(-1).flatten(row_axes).sum(-1)


def stacked_affine(x: Tensor, weight: Tensor, bias: Tensor, *, relu: bool = False) -> Tensor:
    """x W + b of each model, [K, B, outputs], below 0 as 0 with `relu`."""
    y = x @ weight + bias
    return y.relu() if relu else y


def squared_mmd(x: Tensor, y: Tensor, *, kernel: str = "rbf", scales: Sequence[float] | float) -> Tensor:
    """The unbiased squared maximum mean discrepancy [...] of x [..., n, D] and y [..., m, D], by [..., n, m, D]."""
    scales = scales if isinstance(scales, Sequence) else [scales]

    def mean_kernel(a: Tensor, b: Tensor) -> Tensor:
        r2 = (a.unsqueeze(-2) - b.unsqueeze(-3)).square().sum(-1)
        return torch.stack([torch.exp(-r2 / c) if kernel == "rbf" else c / (c + r2) for c in scales]).mean(0)

    def within(points: Tensor) -> Tensor:
        n = points.shape[-2]
        own = torch.eye(n, dtype=torch.bool, device=points.device)
        return mean_kernel(points, points).masked_fill(own, 0).sum((-2, -1)) / (n * (n - 1))

    return within(x) + within(y) - 2 * mean_kernel(x, y).mean((-2, -1))


def pair_weights(
    rows: int, columns: int, dataset_size: int | None, estimator: str, log_weights: Tensor | None = None
) -> Tensor:
    """The weights w_ij of an estimator, [..., rows, columns], float64; of posteriors with log weights [..., columns]
    where these are given.
    """
    if log_weights is not None:
        return _importance_pair_weights(rows, dataset_size, estimator, log_weights.double())
    if estimator == "full":
        return torch.full((rows, columns), 1 / columns, dtype=torch.float64)
    assert dataset_size is not None
    n, m = dataset_size, columns
    if estimator == "mws":
        return torch.full((rows, columns), 1 / (n * m), dtype=torch.float64)
    if m == 1:
        return torch.ones(1, 1, dtype=torch.float64)
    weights = torch.full((m, m), 1 / (m - 1) if estimator == "mss" else (n - 1) / (n * (m - 1)), dtype=torch.float64)
    i = torch.arange(m)
    weights[i, i] = 1 / n
    if estimator == "mss":
        weights[i, (i + 1) % m] = (n - m + 1) / (n * (m - 1))
    return weights


def _importance_pair_weights(rows: int, dataset_size: int | None, estimator: str, log_weights: Tensor) -> Tensor:
    """W, the data set's total weight, is dataset_size times the mean."""
    w, m = torch.exp(log_weights - log_weights.amax(-1, keepdim=True)), log_weights.shape[-1]
    if estimator == "full":
        return (w / w.sum(-1, keepdim=True)).unsqueeze(-2).repeat_interleave(rows, -2)
    assert dataset_size is not None
    total = dataset_size * w.mean(-1, keepdim=True)
    if estimator == "mws":
        return (w / (m * total)).unsqueeze(-2).repeat_interleave(rows, -2)
    assert estimator == "balanced"
    own = torch.eye(m, dtype=torch.bool, device=w.device)
    others = w.unsqueeze(-2).repeat_interleave(m, -2).masked_fill(own, 0)
    sums = others.sum(-1, keepdim=True)
    shared = (total - w).div(total).unsqueeze(-1) * others / sums
    weights = torch.where(own, (w / total).unsqueeze(-1), shared)
    return torch.where(sums == 0, own.double(), weights)  # nobody else has a weight


def minibatch_log_density(
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    *,
    dataset_size: int | None = None,
    estimator: str = "mss",
    log_weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """(joint [..., Q], marginals [..., Q, D]) by the [..., Q, M, D] tensor of log-densities."""
    log_w = pair_weights(z.shape[-2], mu.shape[-2], dataset_size, estimator, log_weights).log().to(z)
    pairs = log_normal(z.unsqueeze(-2), mu.unsqueeze(-3), logvar.unsqueeze(-3))
    joint = torch.logsumexp(log_w + pairs.sum(-1), -1)
    marginals = torch.logsumexp(log_w.unsqueeze(-1) + pairs, -2)
    return joint, marginals


def kl_decomposition(
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    *,
    dataset_size: int | None = None,
    estimator: str = "mss",
    log_weights: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """(mutual information, total correlation, dimension-wise KL) per sample, each [..., M]."""
    joint, marginals = minibatch_log_density(
        z, mu, logvar, dataset_size=dataset_size, estimator=estimator, log_weights=log_weights
    )
    product = marginals.sum(-1)
    zero = torch.zeros_like(z)
    return log_normal(z, mu, logvar).sum(-1) - joint, joint - product, product - log_normal(z, zero, zero).sum(-1)


def bank_log_density(
    z: Tensor, mu: Tensor, logvar: Tensor, bank_mu: Tensor, bank_logvar: Tensor, index: Tensor, in_use: Tensor
) -> tuple[Tensor, Tensor]:
    """(joint [M], marginals [M, D]) of one minibatch under F of N posteriors, with the gradients that a bank gives:
    those of z, and of the joint that of a sample's own row at a fixed z.
    """
    size, rows = bank_mu.shape[-2], [bank_mu.to(z), bank_logvar.to(z)]
    if len(index) == 0:
        weights = (in_use.double() / in_use.sum()).expand(len(z), size)
    else:
        last = [len(index) - 1 - index.flip(0).tolist().index(j) for j in index.tolist()]  # of a data point's rows
        rows = [b.index_copy(0, index, new.detach()[last]) for b, new in zip(rows, (mu, logvar), strict=True)]
        use = in_use.index_fill(0, index, True)
        others = int(use.sum()) - 1
        weights = (use.double() * (size - 1) / (size * max(others, 1))).repeat(len(z), 1)
        weights.scatter_(-1, index.unsqueeze(-1), 1 / size if others else 1.0)
    log_w = weights.log().to(z)
    pairs = log_normal(z.unsqueeze(-2), *rows)
    if len(index):  # for every sample its own posterior
        own_pairs = log_normal(z, mu.detach(), logvar.detach()).unsqueeze(-2)
        pairs = pairs.scatter(-2, index[:, None, None].expand_as(own_pairs), own_pairs)
    joint, marginals = torch.logsumexp(log_w + pairs.sum(-1), -1), torch.logsumexp(log_w.unsqueeze(-1) + pairs, -2)
    if len(index):
        own = log_normal(z.detach(), mu, logvar).sum(-1)
        share = (own + log_w.gather(-1, index.unsqueeze(-1)).squeeze(-1) - joint).exp().detach()
        joint = joint + share * (own - own.detach())
    return joint, marginals
