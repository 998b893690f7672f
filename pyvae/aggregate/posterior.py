"""q(z) = 1/N sum_n N(z; mu_n, sigma_n^2) over a whole data set, evaluated chunk by chunk."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pyvae.aggregate.densities import Densities, Density
from pyvae.aggregate.estimate import Estimate, mean_of, mean_of_strata, minus_mean_of
from pyvae.aggregate.tables import Labels, Rows, Table, members_by_value, whole_numbers
from pyvae.ops import reparameterize
from pyvae.ops.arguments import short_name, whole
from pyvae.ops.kl_decomposition import log_normal
from pyvae.ops.registration import exportable
from pyvae.ops.seeds import check_generator, check_seed
from pyvae.progress import progress_bar

# Posteriors in memory at a time. Time per posterior is the same from 2^15 to 2^20 (10 000 queries, D = 10, two threads:
# 12 to 16 ns per latent), and 2^17 of 10^7 took 100 MiB in all.
CHUNK = 2**17
SAMPLES = 10_000
# Beyond, the standard deviation or its inverse is no number of float64, or of float32.
LARGEST_LOGVAR, LARGEST_LOGVAR_FLOAT32 = 1400.0, 170.0


@exportable
class Samples(NamedTuple):
    """Samples `z` [S, D] of q(z) and the data point whose posterior gave each, `indices` [S] int64."""

    z: Tensor
    indices: Tensor


@exportable
class AggregateKL(NamedTuple):
    """The mean KL term in three parts, nats; `dimwise_kl` is a value for each latent, [D].

    From one set of samples: the values add up to the mean of log q(z|x) - log p(z).
    """

    mutual_information: Estimate
    total_correlation: Estimate
    dimwise_kl: Estimate
    dimwise_kl_sum: Estimate


def aggregate_posterior(
    mu: Rows, logvar: Rows, *, rtol: float = 1e-5, chunk: int = CHUNK, progress: bool = False
) -> "AggregatePosterior":
    r"""The aggregate posterior of N data points, q(z) = 1/N sum_n N(z; mu_n, diag(sigma_n^2)).

    What estimators from a minibatch (`minibatch_log_density` with "mss", "mws", "balanced") are estimates of. mu and
    logvar are read once here, to see that they are finite, and once for each question, a chunk at a time.

    Args:
        mu: posterior means, [N, D]: a tensor, a numpy array or memory map, or the path of a .npy file, which is read as
            needed and must not change. float32, float64, or a half type, which is computed in float32.
        logvar: posterior log-variances, log sigma^2, [N, D], of the same dtype.
        rtol: relative error that grids may add to a marginal density (`minibatch_log_density`).
        chunk: how many posteriors are in memory at a time.
        progress: show a bar on standard error while a question is worked on.

    Returns:
        AggregatePosterior. Its answers carry no gradient.

    Raises:
        TypeError: for anything else than tensors, arrays and paths, dtypes that are not floating or differ, or a chunk
            that is no int.
        FileNotFoundError: for a path where nothing is.
        ValueError: for files of another kind, or that change before a question is answered, shapes other than [N, D],
            shapes or devices that differ, no posterior, no latent, values that are not finite, a logvar beyond -170 to
            170 (1400 of float64), whose deviation is no number, an rtol that is not positive or a chunk below 1.

    Example:
        >>> posterior = aggregate_posterior(torch.zeros(1000, 2), torch.zeros(1000, 2))
        >>> posterior.marginal_log_density(torch.zeros(1, 2))
        tensor([[-0.9189, -0.9189]])
    """
    tables = Table("mu", mu), Table("logvar", logvar)
    check_alike(*tables)
    if not rtol > 0:
        raise ValueError(f"rtol must be greater than 0, got {rtol!r}.")
    chunk = whole("chunk", chunk, least=1)
    tables[0].check_finite(chunk)
    tables[1].check_finite(chunk, LARGEST_LOGVAR if tables[1].dtype == torch.float64 else LARGEST_LOGVAR_FLOAT32)
    return AggregatePosterior(*tables, rtol=float(rtol), chunk=chunk, progress=progress)


class AggregatePosterior:
    """What `aggregate_posterior` returns: log-densities, samples and information of q(z), in nats.

    Every question that is answered from samples takes `samples`, their number, and `seed` or `generator` (on the
    posterior's device; default torch's own), which fix the answer to the bit.
    """

    def __init__(self, mu: Table, logvar: Table, *, rtol: float, chunk: int, progress: bool) -> None:
        self._mu, self._logvar = mu, logvar
        self._densities, self._progress = Densities(mu, logvar, rtol=rtol, chunk=chunk), progress
        self.dtype = torch.float64 if mu.dtype == torch.float64 else torch.float32
        self.device = mu.device

    def __len__(self) -> int:
        return self._mu.shape[0]

    @property
    def latents(self) -> int:
        """D."""
        return self._mu.shape[1]

    @property
    def table_of_means(self) -> Table:
        """mu, to be read."""
        return self._mu

    @property
    def table_of_logvars(self) -> Table:
        """logvar, to be read."""
        return self._logvar

    def __repr__(self) -> str:
        return f"AggregatePosterior({len(self)} posteriors, {self.latents} latents)"

    def sample(self, count: int, *, seed: int | None = None, generator: torch.Generator | None = None) -> Samples:
        """`count` independent samples: a data point at random, with replacement, and a sample of its posterior.

        Raises:
            TypeError: for a count that is no int.
            ValueError: for a count below 0, or both a seed and a generator.
        """
        count = whole("count", count, least=0)
        return self._sample(count, self._generator(seed, generator), None)

    @torch.no_grad()
    def marginal_log_density(self, z: Tensor) -> Tensor:
        """log q(z_d) of each latent: z [..., D] -> [..., D], float32 (float64 for float64 posteriors).

        float32 goes through grids in O((Q + N) D) time; all else sums over every pair.

        Raises:
            TypeError: for a z that is no tensor or has another dtype than mu.
            ValueError: for a z with another number of latents or on another device.
        """
        return self._answer("marginal log-densities", z, self._densities.marginals).reshape(z.shape).to(self.dtype)

    @torch.no_grad()
    def joint_log_density(self, z: Tensor) -> Tensor:
        """log q(z): z [..., D] -> [...]; in O(Q N D) time. Types and errors as `marginal_log_density`."""
        return self._answer("joint log-densities", z, self._densities.joint).reshape(z.shape[:-1]).to(self.dtype)

    def mutual_information(
        self, samples: int = SAMPLES, *, seed: int | None = None, generator: torch.Generator | None = None
    ) -> Estimate:
        """I(x; z) = E[log q(z|x) - log q(z)] between data point and code, [] (Hoffman & Johnson 2016); at most log N.

        Raises:
            TypeError: for samples that are no int.
            ValueError: for fewer than 2 samples, or both a seed and a generator.
        """
        z, indices = self._samples(samples, seed, generator)
        joint = self._answer("mutual information", z, self._densities.joint)[:, 0]
        return mean_of(self._log_qz_given_x(z, indices) - joint)

    def latent_information(
        self, samples: int = SAMPLES, *, seed: int | None = None, generator: torch.Generator | None = None
    ) -> Estimate:
        """I(x; z_d) = E[log q(z_d|x) - log q(z_d)] between data point and each latent, [D]; 0 for one that collapsed.

        Errors as `mutual_information`.
        """
        z, indices = self._samples(samples, seed, generator)
        marginals = self._answer("information of each latent", z, self._densities.marginals)
        return mean_of(self._log_qzd_given_x(z, indices) - marginals)

    def total_correlation(
        self, samples: int = SAMPLES, *, seed: int | None = None, generator: torch.Generator | None = None
    ) -> Estimate:
        """KL(q(z) || prod_d q(z_d)), [] (Chen et al. 2018, eq. 2). Errors as `mutual_information`."""
        return self.kl_decomposition(samples, seed=seed, generator=generator).total_correlation

    def dimwise_kl(
        self, samples: int = SAMPLES, *, seed: int | None = None, generator: torch.Generator | None = None
    ) -> Estimate:
        """KL(q(z_d) || N(0, 1)) of each latent, [D] (Chen et al. 2018, eq. 2). Errors as `mutual_information`."""
        z, _ = self._samples(samples, seed, generator)
        return mean_of(self._answer("dimension-wise KL", z, self._densities.marginals) - _log_prior(z))

    def kl_decomposition(
        self, samples: int = SAMPLES, *, seed: int | None = None, generator: torch.Generator | None = None
    ) -> AggregateKL:
        """Mutual information, total correlation and dimension-wise KL from one set of samples.

        Chen et al. 2018, eq. 2: what `pyvae.kl_decomposition` estimates from a minibatch. Errors as
        `mutual_information`.
        """
        z, indices = self._samples(samples, seed, generator)
        both = self._answer("KL decomposition", z, self._densities.joint_and_marginals)
        joint, marginals = both.tensor_split((1,), -1)
        dimwise_kl = marginals - _log_prior(z)
        return AggregateKL(
            mean_of(self._log_qz_given_x(z, indices) - joint[:, 0]),
            mean_of(joint[:, 0] - marginals.sum(-1)),
            mean_of(dimwise_kl),
            mean_of(dimwise_kl.sum(-1)),
        )

    def marginal_entropies(
        self, samples: int = SAMPLES, *, seed: int | None = None, generator: torch.Generator | None = None
    ) -> Estimate:
        """The differential entropies H(z_d) = -E[log q(z_d)], [D]. Errors as `mutual_information`."""
        z, _ = self._samples(samples, seed, generator)
        return minus_mean_of(self._answer("marginal entropies", z, self._densities.marginals))

    @torch.no_grad()
    def conditional_entropies(
        self,
        labels: Labels,
        samples: int = SAMPLES,
        *,
        seed: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Estimate:
        r"""H(z_d | v_k) of each latent given each factor, [K, D] (Chen et al. 2018, section 5).

        .. math::
            H(z_d | v_k) = \sum_v p(v_k = v) H(z_d | v_k = v)

        with p(v_k = v) the share of data points that have the value, q(z | v_k = v) the aggregate posterior of those,
        and `samples` of it for each value.

        Args:
            labels: whole numbers [N] or [N, K], the value of each factor at each data point: a tensor, an array, a list
                or the path of a .npy file. Floating ones may be, 2.0 is a whole number; a continuous factor is binned
                first.
            samples, seed, generator: as elsewhere.

        Raises:
            TypeError: for labels that are no whole numbers, or samples that are no int.
            ValueError: for labels of another shape or length, fewer than 2 samples, or both a seed and a generator.
        """
        factors = members_by_value(labels, len(self))
        samples = whole("samples", samples, least=2)
        drawn_by = self._generator(seed, generator)
        steps = sum(self._densities.steps(len(members)) for values in factors for members in values)
        entropies = []
        with progress_bar("conditional entropies", steps, shown=self._progress) as advance:
            for values in factors:
                strata = []
                for members in map(torch.from_numpy, values):
                    z, _ = self._sample(samples, drawn_by, members)
                    given = self._densities.log_density(z, self._densities.marginals, advance, members)
                    strata.append(minus_mean_of(given))
                entropies.append(mean_of_strata(strata, [len(members) / len(self) for members in values]))
        value, standard_error = map(torch.stack, zip(*entropies, strict=True))
        return Estimate(value, standard_error)

    @torch.no_grad()
    def log_density_given(self, samples: Samples, labels: Labels, wanted: Tensor | None = None) -> Tensor:
        """log q(z_d | v_k) of samples, v_k the value at the data point `indices`: [S, K, D] float64.

        With `marginal_log_density` of samples of q(z), E[log q(z_d | v_k) - log q(z_d)] = I(z_d; v_k).

        Args:
            samples: of `sample`, or with the indices of other data points, whose values are then the condition.
            labels: as for `conditional_entropies`.
            wanted: which latents of each factor are asked for, bool [K, D]; the others are 0.

        Raises:
            TypeError, ValueError: for labels as `conditional_entropies`.
        """
        columns = whole_numbers(labels)
        factors = members_by_value(columns, len(self))
        columns = columns.reshape(len(self), -1)
        own = columns[samples.indices.cpu().numpy()]
        found = samples.z.new_zeros((len(samples.z), len(factors), self.latents), dtype=torch.float64)
        steps = sum(self._densities.steps(len(members)) for values in factors for members in values)
        with progress_bar("densities given factors", steps, shown=self._progress) as advance:
            for k, values in enumerate(factors):
                latents = torch.arange(self.latents, device=self.device)
                latents = latents if wanted is None else latents[wanted[k].to(self.device)]
                for members in values if len(latents) else ():
                    at = torch.from_numpy(np.flatnonzero(own[:, k] == columns[members[0], k])).to(self.device)
                    if len(at):
                        some = self._densities.some_marginals(latents)
                        given = self._densities.log_density(samples.z[at], some, advance, torch.from_numpy(members))
                        found[at[:, None], k, latents] = given
        return found

    # --- Densities ----------------------------------------------------------------------------------------------------

    def _answer(self, what: str, z: Tensor, density: Density) -> Tensor:
        self._check_queries(z)
        steps = self._densities.steps(len(self))
        with progress_bar(what, steps, shown=self._progress) as advance:
            return self._densities.log_density(z.reshape(-1, self.latents).to(self.dtype), density, advance)

    def _log_qz_given_x(self, z: Tensor, indices: Tensor) -> Tensor:
        return self._log_qzd_given_x(z, indices).sum(-1)

    def _log_qzd_given_x(self, z: Tensor, indices: Tensor) -> Tensor:
        mu, logvar = self._mu.take(indices), self._logvar.take(indices)
        return log_normal(z.double(), mu.double(), logvar.double())

    # --- Samples ------------------------------------------------------------------------------------------------------

    def _samples(self, samples: int, seed: int | None, generator: torch.Generator | None) -> Samples:
        return self._sample(whole("samples", samples, least=2), self._generator(seed, generator), None)

    @torch.no_grad()
    def _sample(self, count: int, generator: torch.Generator | None, members: Tensor | None) -> Samples:
        among = len(self) if members is None else len(members)
        indices = torch.randint(among, (count,), generator=generator, device=self.device)
        if members is not None:
            indices = members.to(self.device)[indices]
        z = reparameterize(self._mu.take(indices), self._logvar.take(indices), generator=generator)
        return Samples(z, indices)

    def _generator(self, seed: int | None, generator: torch.Generator | None) -> torch.Generator | None:
        check_generator(generator)
        if seed is None:
            return generator
        if generator is not None:
            raise ValueError("seed and generator must not both be given.")
        return torch.Generator(self.device).manual_seed(check_seed(seed))

    def _check_queries(self, z: Tensor) -> None:
        if not isinstance(z, Tensor):
            raise TypeError(f"z must be a tensor, got {type(z).__name__}.")
        if z.dtype not in (self._mu.dtype, self.dtype):
            raise TypeError(f"z must have the dtype of mu, {short_name(self._mu.dtype)}, got {short_name(z.dtype)}.")
        if z.device != self.device:
            raise ValueError(f"z must be on the device of mu, {self.device}, got {z.device}.")
        if z.shape[-1:] != (self.latents,):
            raise ValueError(f"z must have the shape [..., {self.latents}], got {list(z.shape)}.")


def _log_prior(z: Tensor) -> Tensor:
    zero = torch.zeros((), dtype=torch.float64, device=z.device)
    return log_normal(z.double(), zero, zero)


def check_alike(mu: Table, logvar: Table) -> None:
    """Refuses tables of two shapes, dtypes or devices, and empty ones."""
    if logvar.dtype != mu.dtype:
        raise TypeError(f"logvar must have the dtype of mu, {short_name(mu.dtype)}, got {short_name(logvar.dtype)}.")
    if logvar.shape != mu.shape:
        raise ValueError(f"logvar must have the shape of mu, {list(mu.shape)}, got {list(logvar.shape)}.")
    if logvar.device != mu.device:
        raise ValueError(f"logvar must be on the device of mu, {mu.device}, got {logvar.device}.")
    if 0 in mu.shape:
        raise ValueError(f"mu must hold at least one posterior of at least one latent, got the shape {list(mu.shape)}.")
