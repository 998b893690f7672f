"""What latents hold of factors and of the data, by the exact aggregate posterior, as means over samples of it.

    I(z_d; v_k) = E[log q(z_d | v_k) - log q(z_d)],    I(x; z_d) = E[log q(z_d | x) - log q(z_d)]

Both densities are those of one sample, z of the posterior of a point drawn at random and v_k the factors of that point.
A difference of two entropies with samples of their own would have the same mean, and the noise of the entropies, 0.01
nats with 10 000 samples: a latent that tells less tells nothing there, and all factors of a latent share the noise.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.posterior import Samples
from pyvae.aggregate.tables import Labels, members_by_value, whole_numbers
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.ops.arguments import whole
from pyvae.ops.kl_decomposition import log_normal

# Nats. What tells less of a factor has the terms of `_faint`.
FAINT = 0.1
# log r of a value that a code excludes.
NEVER = -700.0
# Nats; less is what grids and rounding leave of 0: the square of twice the 1e-5 that a density is off by.
ROUNDING = 1e-9


class Terms(NamedTuple):
    """Of S samples: terms whose means are I(z_d; v_k), [S, K, D], and I(x; z_d), [S, D], in nats, float64; and the
    factors' entropies [K].
    """

    of_factors: Tensor
    of_data: Tensor
    entropies: Tensor


@torch.no_grad()
def terms_of(
    posterior: AggregatePosterior,
    labels: Labels,
    samples: int,
    *,
    faint: bool = True,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> Terms:
    """The terms of `samples` samples, at least 2; labels [N] or [N, K] are whole numbers.

    `faint` measures small information with a small error, at nearly twice the time: for scores that divide by it.
    """
    if generator is None and seed is not None:
        generator, seed = torch.Generator(posterior.device).manual_seed(check_seed(seed)), None
    labels = whole_numbers(labels)  # a file is read once
    drawn = posterior.sample(whole("samples", samples, least=2), seed=seed, generator=generator)
    marginal = posterior.marginal_log_density(drawn.z).double()
    log_ratio = posterior.log_density_given(drawn, labels) - marginal[:, None]
    surprise, entropies = _surprise(labels, drawn)
    terms = log_ratio - _excess(log_ratio, surprise, entropies)
    if faint:
        is_faint = terms.mean(0) + 3 * terms.std(0) / len(terms) ** 0.5 <= FAINT
        others = torch.randint(len(posterior), (len(terms),), generator=generator, device=posterior.device)
        apart = posterior.log_density_given(Samples(drawn.z, others), labels, is_faint) - marginal[:, None]
        terms = torch.where(is_faint, _faint(log_ratio, apart), terms)
    return Terms(terms, _of_data(posterior, drawn) - marginal, entropies)


def _surprise(labels: Labels, drawn: Samples) -> tuple[Tensor, Tensor]:
    """-log p(v_k) of the samples' factors, [S, K], and its means over all data, H(v_k), [K]."""
    columns = whole_numbers(labels)
    count, indices = len(columns), drawn.indices.cpu().numpy()
    surprise, entropies = [], []
    for column, values in zip(columns.reshape(count, -1).T, members_by_value(columns, count), strict=True):
        share = np.array([len(members) for members in values]) / count
        place = np.searchsorted(column[[members[0] for members in values]], column[indices])
        surprise.append(-np.log(share)[place])
        entropies.append(-(share * np.log(share)).sum())
    device = drawn.z.device
    return torch.from_numpy(np.stack(surprise, -1)).to(device), torch.from_numpy(np.array(entropies)).to(device)


def _of_data(posterior: AggregatePosterior, drawn: Samples) -> Tensor:
    """log q(z_d | x), [S, D]."""
    mu, logvar = (table.take(drawn.indices) for table in (posterior.table_of_means, posterior.table_of_logvars))
    return log_normal(drawn.z.double(), mu.double(), logvar.double())


def _faint(together: Tensor, apart: Tensor) -> Tensor:
    r"""Terms with the mean I, none below 0: what tells little has small ones, and as small an error [S, K, D].

    With r = q(z | v) / q(z) and the values v of the samples' own points or of others, in equal numbers,

        I = E_apart[r log r - r + 1] = E_both[2 (r log r - r + 1) / (r + 1)]

    which is importance sampling by both at once (Veach and Guibas 1995, balance heuristic). Own points alone never show
    the values that a code excludes, others seldom those that it singles out.
    """
    terms = (_balanced(together) + _balanced(apart)) / 2
    terms[:, terms.mean(0) <= ROUNDING] = 0.0
    return terms


def _balanced(log_ratio: Tensor) -> Tensor:
    """2 (r log r - r + 1) / (r + 1) of log r, whose square has the digits that the difference would lose near 1."""
    log_ratio = log_ratio.clamp_min(NEVER)
    exact = 2 * (log_ratio * log_ratio.sigmoid() - (log_ratio / 2).tanh())
    return torch.where(log_ratio.abs() < 1e-4, log_ratio.square() / 2, exact)


def _excess(terms: Tensor, surprise: Tensor, entropy: Tensor) -> Tensor:
    """What is in the terms because some values were drawn more often than they are: of a factor that is told in full
    a term is -log p(v), and its mean is known.
    """
    centred = surprise - surprise.mean(0)
    variance = centred.square().mean(0)
    slope = torch.einsum("skd,sk->kd", terms, centred) / len(terms) / variance.clamp_min(1e-30)[:, None]
    return (surprise - entropy)[..., None] * slope.clamp(0, 1)
