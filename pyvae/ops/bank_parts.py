"""Sums of densities under many rows, in parts that take little memory, with their derivatives at the queries."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from pyvae.ops.gridded_marginals import gridded_marginals, takes_grids
from pyvae.ops.joint_log_density import joint_with_score
from pyvae.ops.minibatch_log_density import density_with_scores
from pyvae.ops.registration import empty_scores, times_score

_NUMBERS_AT_ONCE = 1 << 20
"""Stored means that a part is of: the kernels take some 40 bytes for each."""

How = tuple[str, float, bool]
"""The method and rtol of minibatch_log_density, and whether derivatives are wanted."""


class Density(NamedTuple):
    """Logarithms at queries [..., Q, D], and what these change by with z: empty where nobody asks."""

    joint: Tensor
    marginals: Tensor
    joint_score: Tensor
    marginal_scores: Tensor

    def weighed(self, log_weight: float) -> "Density":
        return self._replace(joint=self.joint + log_weight, marginals=self.marginals + log_weight)

    def plus(self, other: "Density") -> "Density":
        joint, joint_score = _sum(self.joint, other.joint, self.joint_score, other.joint_score)
        marginals, marginal_scores = _sum(self.marginals, other.marginals, self.marginal_scores, other.marginal_scores)
        return Density(joint, marginals, joint_score, marginal_scores)


def _sum(a: Tensor, b: Tensor, a_score: Tensor, b_score: Tensor) -> tuple[Tensor, Tensor]:
    """log(e^a + e^b) and its derivatives."""
    total = torch.logaddexp(a, b)
    if a_score.numel() == 0:
        return total, a_score
    # What has no weight has no say: its derivatives need not be finite, and neither need the sum be.
    a_share, b_share = ((x - total).exp().masked_fill(x == -math.inf, 0.0) for x in (a, b))
    if a.dim() < a_score.dim():
        a_share, b_share = a_share.unsqueeze(-1), b_share.unsqueeze(-1)
    return total, times_score(a_share, a_score) + times_score(b_share, b_score)


def density_of_all(z: Tensor, mu: Tensor, logvar: Tensor, how: How) -> Density:
    """The mean density of rows [B, N, D] at queries [B, Q, D]."""
    rows = torch.arange(mu.shape[-2], device=mu.device)
    # Each entry's parts are what they are alone; few large entries or many small ones are asked at a time.
    entries = max(1, _NUMBERS_AT_ONCE // max(1, min(mu[0].numel(), _NUMBERS_AT_ONCE)))
    groups = zip(z.split(entries), mu.split(entries), logvar.split(entries), strict=True)
    densities = [_density_of(a, b, c, rows, -math.log(len(rows)), how) for a, b, c in groups]
    return densities[0] if len(densities) == 1 else Density(*(torch.cat(of) for of in zip(*densities, strict=True)))


def density_of_some(
    z: Tensor, mu: Tensor, logvar: Tensor, bank_mu: Tensor, bank_logvar: Tensor, index: Tensor, in_use: Tensor, how: How
) -> tuple[Density, float]:
    """What bank_log_density says, of one minibatch; and the log weight of a sample's own row, -inf where none is."""
    size = bank_mu.shape[-2]
    others = in_use.index_fill(-1, index, False).nonzero().squeeze(-1)
    stored = z.unsqueeze(0), bank_mu.unsqueeze(0), bank_logvar.unsqueeze(0), others
    if index.numel() == 0:
        return _alone(_density_of(*stored, -math.log(len(others)), how)), -math.inf
    rows_in_use = len(others) + index.unique().numel()
    if rows_in_use == 1:  # of all data the same point: there is nothing but its own posterior
        return _density_of_minibatch(z, mu, logvar, index, 0.0, 0.0, how), 0.0
    own, other = -math.log(size), math.log((size - 1) / size) - math.log(rows_in_use - 1)
    density = _density_of_minibatch(z, mu, logvar, index, own, other, how)
    if len(others) == 0:
        return density, own
    return density.plus(_alone(_density_of(*stored, other, how))), own


def _alone(density: Density) -> Density:
    return Density(*(part.squeeze(0) for part in density))


def _density_of(z: Tensor, mu: Tensor, logvar: Tensor, rows: Tensor, log_weight: float, how: How) -> Density:
    """The sum over at least one of the rows [B, N, D], by their numbers [R], each with this weight."""
    everything = len(rows) == mu.shape[-2]
    at_once = max(1, _NUMBERS_AT_ONCE // max(1, mu.shape[-1]))
    parts = (slice(first, min(first + at_once, len(rows))) for first in range(0, len(rows), at_once))
    total: Density | None = None
    for part in parts:
        chosen = part if everything else rows[part]
        density = _mean_density(z, mu[:, chosen].to(z.dtype), logvar[:, chosen].to(z.dtype), how)
        density = density.weighed(log_weight + math.log(part.stop - part.start))
        total = density if total is None else total.plus(density)
    assert total is not None
    return total


def _mean_density(z: Tensor, mu: Tensor, logvar: Tensor, how: How) -> Density:
    method, rtol, scores = how
    if not takes_grids(method, z, mu):
        return Density(*density_with_scores(z, mu, logvar, scores))
    marginals, marginal_scores, _ = gridded_marginals(z, mu, logvar, 1, 0, rtol)
    joint, joint_score = joint_with_score(z, mu, logvar, scores)
    return Density(joint, marginals, joint_score, marginal_scores if scores else empty_scores(z, False))


def _density_of_minibatch(
    z: Tensor, mu: Tensor, logvar: Tensor, index: Tensor, own: float, other: float, how: How
) -> Density:
    """The sum over the minibatch's data points, each once, with the log weight `own` for a sample's own."""
    densities, places = [], []
    for rows, columns in _rounds(index):
        ratios = torch.full_like(mu[columns, 0], own - other).unsqueeze(0)
        weights = torch.zeros_like(ratios), ratios
        mixture = mu[columns].unsqueeze(0), logvar[columns].unsqueeze(0)
        density = Density(*density_with_scores(z[rows].unsqueeze(0), *mixture, how[2], weights))
        densities.append(_alone(density).weighed(other + math.log(len(columns))))
        places.append(rows)
    if len(densities) == 1:
        return densities[0]
    order = torch.cat(places).argsort()
    return Density(*(_in_order(parts, order) for parts in zip(*densities, strict=True)))


def _in_order(parts: tuple[Tensor, ...], order: Tensor) -> Tensor:
    joined = torch.cat(parts)
    return joined[order] if len(joined) else joined


def _rounds(index: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of a minibatch and the columns that they meet: first their own, in their order, then one of every other data
    point. One round, but where a data point is there more than once: its rows must not meet one another.
    """
    every = torch.arange(len(index), device=index.device)
    ordered, order = index.sort(stable=True)
    number = torch.empty_like(order).scatter_(0, order, every) - torch.searchsorted(ordered, index)
    last = last_of_each(index) == every
    if bool(last.all()):
        yield every, every
        return
    for k in range(int(number.max()) + 1):
        rows = (number == k).nonzero().squeeze(-1)
        elsewhere = last & ~torch.isin(index, index[rows])
        yield rows, torch.cat([rows, elsewhere.nonzero().squeeze(-1)])


def last_of_each(index: Tensor) -> Tensor:
    """Of every item of an index [..., M] the place of the last one with its number, [..., M]."""
    ordered, order = index.sort(stable=True)
    return order.gather(-1, torch.searchsorted(ordered, index.contiguous(), right=True) - 1)
