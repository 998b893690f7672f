"""The unsupervised disentanglement ranking: which models of a sweep found latents that others found too."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array, spread, standardised
from pyvae.metrics.estimators.covariances import covariances
from pyvae.metrics.estimators.lasso import lasso
from pyvae.metrics.estimators.latents import kl_per_latent
from pyvae.metrics.estimators.protocols import Protocol, follows_library
from pyvae.metrics.estimators.resampling import interval
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.measured import Measured

KL_NATS = 0.01
PENALTY = 0.1
REPLICATES = 40

Mask = npt.NDArray[np.bool_]


def udr(
    codes: Sequence[Codes | Rows | AggregatePosterior],
    *,
    relation: Literal["lasso", "spearman"] = "lasso",
    protocol: Protocol = "paper",
    seed: int = 0,
) -> Measured:
    r"""Unsupervised disentanglement ranking of Duan et al. (2020, arXiv 1905.12614) of M models.

    .. math::
        \mathrm{UDR}_{mn} = \frac{1}{d_a + d_b} \Big( \sum_b \frac{\max_a R_{ab}^2}{\sum_a R_{ab}} +
        \sum_a \frac{\max_b R_{ab}^2}{\sum_b R_{ab}} \Big)

    R relates the latents of model m, a, to those of n, b: absolute coefficients of a lasso from one standardised code
    to the other with the penalty 0.1, or rank correlations. A model's score is the median over the other models. Of
    identical models the lasso's coefficients are 0.9, what its penalty leaves of 1, and so is the score.

    Args:
        codes: of M >= 2 models, each [N, D_m], of the same N points in the same order. Latents with a mean KL of at
            most 0.01 nats are left out where there are posteriors, and constant ones in any case.
        relation: "lasso" or "spearman", the paper's UDR_L and UDR_S.
        protocol: "disentanglement_lib" averages the means of rows and columns, d_a and d_b aside.
        seed: of the interval's rows.

    Returns:
        Measured, the mean of the models' scores, from 0 to the ceiling that identical models reach: 0.9 of the lasso,
        and 1 of rank correlations where latents do not correlate among themselves. The interval is over the points, by
        the bootstrap. `parts` has `scores` [M], by which models are ranked, `pairs` [M, M] with 0 on its diagonal, and
        `active`, a mask for each model.

    Raises:
        TypeError, ValueError: as Codes.means; ValueError for fewer than two models and for other numbers of points.
    """
    if relation not in ("lasso", "spearman"):
        raise ValueError(f"relation must be lasso or spearman, got {relation!r}.")
    seed = check_seed(seed)
    models, active = _models(codes)
    if relation == "spearman":
        models = [standardised(np.stack([_ranks(c) for c in model.T], 1)).values for model in models]
    edges = np.cumsum([0, *(model.shape[1] for model in models)])
    joined = np.concatenate(models, 1)
    whole = (joined.T @ joined / len(joined))[None]
    by_library = follows_library(protocol)
    pairs = _pairs(whole, edges, active, relation, by_library)[0]
    drawn = _correlations(covariances(joined, seed, REPLICATES))
    replicates = _scores(_pairs(drawn, edges, active, relation, by_library))
    scores = _scores(pairs)
    value = float(scores.mean())
    # Coefficients of correlated latents can be larger than those of a model on itself.
    ceiling = max(value, 1 - PENALTY) if relation == "lasso" else 1.0
    low, high = interval(value, replicates.mean(-1), 0.0, ceiling, rows=len(joined))
    settings = {"protocol": protocol, "relation": relation, "penalty": PENALTY, "KL above": KL_NATS, "seed": seed}
    return Measured(value, low, high, ceiling, settings, {"scores": scores, "pairs": pairs, "active": tuple(active)})


def _models(codes: Sequence[Codes | Rows | AggregatePosterior]) -> tuple[list[Array], list[Mask]]:
    """Standardised codes, with 0 for latents that are left out, and which are not."""
    if not isinstance(codes, list | tuple) or len(codes) < 2:
        raise ValueError("codes must be a list of the codes of at least 2 models.")
    found = [codes_of(each) for each in codes]
    rows = [len(each.means) for each in found]
    if len(set(rows)) > 1:
        raise ValueError(f"codes must hold the same points for each model, got {rows} of them.")
    models, active = [], []
    for each in found:
        columns = standardised(each.means)
        informative = spread("codes", columns)
        if each.has_posteriors:
            informative = informative & (_mean_kl(each) > KL_NATS)
        models.append(np.where(informative, columns.values, 0.0))
        active.append(informative)
    return models, active


def _mean_kl(codes: Codes) -> Array:
    """In nats, [D]."""
    posterior = codes.posterior
    rows = torch.arange(len(posterior), device="cpu")
    mu, logvar = (table.take(rows).double() for table in (posterior.table_of_means, posterior.table_of_logvars))
    return np.asarray(kl_per_latent(mu, logvar).cpu().numpy(), dtype=np.float64)


def _ranks(column: Array) -> Array:
    """Ranks from 0, their mean for equal values."""
    _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    return np.asarray((counts.cumsum() - (counts + 1) / 2)[place])


def _correlations(covariance: Array) -> Array:
    std = np.sqrt(np.maximum(np.diagonal(covariance, axis1=-2, axis2=-1), 0.0))
    std[std == 0] = np.inf
    return np.asarray(covariance / std[..., :, None] / std[..., None, :])


def _pairs(joint: Array, edges: npt.NDArray[np.int64], active: list[Mask], relation: str, by_library: bool) -> Array:
    """Agreement [R, M, M] of every two models, of the correlations [R, T, T] of all their latents."""
    models = len(active)
    out = np.zeros((len(joint), models, models))
    for m in range(models):
        here = np.arange(edges[m], edges[m + 1])[active[m]]
        for n in range(models):
            there = np.arange(edges[n], edges[n + 1])[active[n]]
            if m == n or not len(here) or not len(there):
                continue
            cross = joint[:, here[:, None], there]
            related = lasso(joint[:, here[:, None], here], cross, PENALTY) if relation == "lasso" else cross
            out[:, m, n] = _agreement(np.minimum(np.abs(related), 1.0), by_library)
    return out


def _agreement(related: Array, by_library: bool) -> Array:
    """Of relations [R, A, B]: how much of each row and column is in its largest number, weighed by that."""
    rows, columns = (
        np.square(related.max(axis)) / np.where(related.any(axis), related.sum(axis), 1.0) for axis in (2, 1)
    )
    if by_library:
        return np.asarray((rows.mean(1) + columns.mean(1)) / 2)
    return np.asarray((rows.sum(1) + columns.sum(1)) / (related.shape[1] + related.shape[2]))


def _scores(pairs: Array) -> Array:
    """The median of the other models' agreement with each [..., M, M] -> [..., M]."""
    models = pairs.shape[-1]
    others = np.stack([np.delete(pairs[..., m], m, axis=-1) for m in range(models)], -1)
    return np.asarray(np.median(others, axis=-2))
