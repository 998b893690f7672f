"""Sums of densities under many rows, in parts that take little memory, with their derivatives at the queries."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from pyvae.ops.gridded_marginals import gridded_marginals, takes_grids
from pyvae.ops.joint_log_density import joint_with_score
from pyvae.ops.kl_decomposition import log_normal, standardised
from pyvae.ops.minibatch_log_density import density_with_scores
from pyvae.ops.registration import empty_scores, times_score

_NUMBERS_AT_ONCE = 1 << 20
"""Stored means that a part is of: the kernels take some 40 bytes for each."""

_NO_WEIGHT = -1e4
"""What a sample's own data point weighs among the others of its minibatch, as a logarithm: nothing, and not infinite,
which would leave a column alone without a largest exponent.
"""

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


def own_density(z: Tensor, mu: Tensor, logvar: Tensor, scores: bool) -> Density:
    """log q(z_i | x_i), and of each latent."""
    marginals = log_normal(z, mu, logvar)
    if not scores:
        nothing = empty_scores(z, False)
        return Density(marginals.sum(-1), marginals, nothing, nothing)
    score = -standardised(z, mu, logvar) * torch.exp(-0.5 * logvar)
    return Density(marginals.sum(-1), marginals, score, score)


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
    """What bank_log_density says, of one minibatch; and the log weight of a sample's own row, -inf where none is.

    Raises ValueError where there is no row at all.
    """
    size = bank_mu.shape[-2]
    others = in_use.index_fill(-1, index, False).nonzero().squeeze(-1)
    stored = z.unsqueeze(0), bank_mu.unsqueeze(0), bank_logvar.unsqueeze(0), others
    if index.numel() == 0:
        if len(others) == 0:
            raise ValueError("index must be given to a bank that has no rows in use: training fills it, or update().")
        return alone(_density_of(*stored, -math.log(len(others)), how)), -math.inf
    in_minibatch = len(index.unique())
    rows_in_use = len(others) + in_minibatch
    density = own_density(z, mu, logvar, how[2])
    if rows_in_use == 1:  # nothing but its own posterior
        return density, 0.0
    own, other = -math.log(size), math.log((size - 1) / size) - math.log(rows_in_use - 1)
    density = density.weighed(own)
    if in_minibatch > 1:
        density = density.plus(_density_of_others_in_minibatch(z, mu, logvar, index, how).weighed(other))
    if len(others) > 0:
        density = density.plus(alone(_density_of(*stored, other, how)))
    return density, own


def alone(density: Density) -> Density:
    """That of the only entry of a batch."""
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


def _density_of_others_in_minibatch(z: Tensor, mu: Tensor, logvar: Tensor, index: Tensor, how: How) -> Density:
    """For every sample the sum over the minibatch's other data points, each by the last of its rows."""
    densities, places = [], []
    for rows, columns, own_first in _rounds(index):
        mixture = mu[columns].unsqueeze(0), logvar[columns].unsqueeze(0)
        weights = None
        if own_first:
            none = torch.zeros_like(mixture[0][..., 0])
            weights = none, torch.full_like(none, _NO_WEIGHT)
        density = Density(*density_with_scores(z[rows].unsqueeze(0), *mixture, how[2], weights))
        densities.append(alone(density).weighed(math.log(len(columns))))
        places.append(rows)
    if len(densities) == 1:
        return densities[0]
    order = torch.cat(places).argsort()
    return Density(*(_in_order(parts, order) for parts in zip(*densities, strict=True)))


def _in_order(parts: tuple[Tensor, ...], order: Tensor) -> Tensor:
    joined = torch.cat(parts)
    return joined[order] if len(joined) else joined


def _rounds(index: Tensor) -> Iterator[tuple[Tensor, Tensor, bool]]:
    """Rows of a minibatch, each in one round, and what they meet: of every data point one row, the last. Either those
    of the rows' own data points come first, in the rows' order, or they are left out.

    There is one round, but where a data point comes more than once. A round is of rows of different data points, or,
    where there are fewer data points than one has rows, of those of one.
    """
    every = torch.arange(len(index), device=index.device)
    place_of_last = last_of_each(index)
    last = place_of_last == every
    if bool(last.all()):
        yield every, every, True
        return
    ordered, order = index.sort(stable=True)
    number = torch.empty_like(order).scatter_(0, order, every) - torch.searchsorted(ordered, index.contiguous())
    rounds = int(number.max()) + 1
    points = index[last]
    if len(points) < rounds:
        for point in points:
            yield (index == point).nonzero().squeeze(-1), (last & (index != point)).nonzero().squeeze(-1), False
        return
    for k in range(rounds):
        rows = (number == k).nonzero().squeeze(-1)
        elsewhere = last & ~torch.isin(index, index[rows])
        yield rows, torch.cat([place_of_last[rows], elsewhere.nonzero().squeeze(-1)]), True


def last_of_each(index: Tensor) -> Tensor:
    """Of every item of an index [..., M] the place of the last one with its number, [..., M]."""
    ordered, order = index.sort(stable=True)
    return order.gather(-1, torch.searchsorted(ordered, index.contiguous(), right=True) - 1)


def has_no_double(index: Tensor) -> bool:
    """Whether every number of an index [M] is there once."""
    ordered = index.sort().values
    return not bool((ordered[1:] == ordered[:-1]).any())
