"""Log-densities of q(z) under all posteriors or some, a chunk of them in memory at a time."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from pyvae.aggregate.tables import Table, chunks_of, interleaved
from pyvae.ops import minibatch_log_density
from pyvae.ops.gridded_marginals import gridded_marginals, grids_serve
from pyvae.ops.joint_log_density import joint_log_density

# Queries given to the ops at a time: as many as there are posteriors, so that neither rules the memory.
QUERIES = 2**17

# Log-densities [Q, C] of z [Q, D] under one chunk of posteriors [M, D].
Density = Callable[[Tensor, Tensor, Tensor], Tensor]


class Densities:
    """Of the posteriors in two tables [N, D]; `rtol` is the relative error that grids may add to a marginal."""

    def __init__(self, mu: Table, logvar: Table, *, rtol: float, chunk: int) -> None:
        self._mu, self._logvar, self._rtol, self._chunk = mu, logvar, rtol, chunk

    def steps(self, count: int) -> int:
        """How often `log_density` of so many posteriors calls `advance`."""
        return chunks_of(count, self._chunk)

    def log_density(
        self, z: Tensor, density: Density, advance: Callable[[], None], members: Tensor | None = None
    ) -> Tensor:
        """log sum_k (C_k / N) q_k(z) over chunks k of C_k out of N posteriors, all or some `members`: z [Q, D] ->
        [Q, C], float64.
        """
        count = self._mu.shape[0] if members is None else len(members)
        total = None
        for places in interleaved(count, self._chunk):
            rows = places if members is None else members[places]
            mu, logvar = self._mu.take(rows), self._logvar.take(rows)
            parts = [density(queries, mu, logvar) for queries in z.split(QUERIES)]
            part = (torch.cat(parts) if len(parts) > 1 else parts[0]).double()
            if len(rows) < count:
                part += math.log(len(rows) / count)
            total = part if total is None else torch.logaddexp(total, part)
            advance()
        assert total is not None
        return total

    def marginals(self, z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        """log q(z_d), [Q, D]."""
        if grids_serve(z):
            return gridded_marginals(z, mu, logvar, 1, 0, self._rtol)[0]
        return minibatch_log_density(z, mu, logvar, estimator="full", method="exact").marginals

    def some_marginals(self, latents: Tensor) -> Density:
        """The same of some latents alone, [Q, len(latents)]."""
        if len(latents) == self._mu.shape[1]:
            return self.marginals
        return lambda z, mu, logvar: self.marginals(z[:, latents], mu[:, latents], logvar[:, latents])

    def joint(self, z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        """log q(z), [Q, 1]."""
        return joint_log_density(z, mu, logvar, 1, 0)[:, None]

    def joint_and_marginals(self, z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        """Both, [Q, 1 + D]."""
        if grids_serve(z):
            return torch.cat([self.joint(z, mu, logvar), self.marginals(z, mu, logvar)], -1)
        density = minibatch_log_density(z, mu, logvar, estimator="full", method="exact")
        return torch.cat([density.joint[:, None], density.marginals], -1)
