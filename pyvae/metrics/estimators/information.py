# Note to the helper of the information metrics (remove these lines): the owner wrote this room on top of your
# neighbours.py (ranks_of, classes_of, information_terms, entropy_terms): please keep those names now, I shall not
# touch either file again. Yours still: infomec, minimality, sufficiency, coverage.
"""I(z_d; v_k) of every latent and factor, which most scores are functions of, with replicates for their intervals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from pyvae.aggregate import AggregatePosterior, Estimate
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators import histogram, neighbours
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.resampling import REPLICATES, interval, resampled
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured
from pyvae.ops.seeds import check_seed

Estimator = Literal["posterior", "neighbours", "histogram"]
Protocol = Literal["paper", "disentanglement_lib"]

# What a latent must hold of a factor, in nats, to count as used.
ACTIVE_NATS = 0.01


@dataclass(frozen=True)
class Information:
    """`value` [D, K] in nats, not clipped at 0; the factors' entropies [K] and, of binned codes, the latents' [D].

    Replicates [R, ...] of each are drawn together; `factors` are those that it is about.
    """

    factors: Factors
    settings: Mapping[str, Any]
    value: Array
    value_replicates: Array
    entropies: Array
    entropy_replicates: Array
    latent_entropies: Array | None = None
    latent_entropy_replicates: Array | None = None
    bins: int = 0
    kind: histogram.Bins = "equal width"

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Which latents [D] hold ACTIVE_NATS of a factor, with a 95 % interval above 0."""
        low = self.value - 2 * self.value_replicates.std(0)
        return np.asarray(((self.value >= ACTIVE_NATS) & (low > 0)).any(1))

    def ceiling(self, score: Callable[..., Array], *, latent_entropies: bool = False) -> float:
        """What the factors themselves score as codes, by the same estimator: bins may merge their values."""
        if self.settings["estimator"] != "histogram":
            return 1.0
        cells = [histogram.binned(column, self.bins, self.kind) for column in self.factors.labels.T.astype(np.float64)]
        labels = self.factors.labels.T
        value = np.array([[histogram.row_terms(column, of).mean() for of in labels] for column in cells])
        given = [value, self.entropies]
        given += [np.array([histogram.surprise(column).mean() for column in cells])] if latent_entropies else []
        return min(1.0, max(0.0, float(score(*given))))

    def measured(
        self,
        score: Callable[..., Array],
        ceiling: float,
        *,
        latent_entropies: bool = False,
        settings: Mapping[str, Any] | None = None,
        **parts: Any,
    ) -> Measured:
        """A score from 0 to `ceiling`, a function of information [..., D, K], entropies [..., K] and, if asked for, the
        latents' [..., D] -> [...].
        """
        given, drawn = [self.value, self.entropies], [self.value_replicates, self.entropy_replicates]
        if latent_entropies:
            assert self.latent_entropies is not None and self.latent_entropy_replicates is not None
            given.append(self.latent_entropies)
            drawn.append(self.latent_entropy_replicates)
        value = min(max(float(score(*given)), 0.0), ceiling)
        low, high = interval(value, np.clip(score(*drawn), 0.0, ceiling), 0.0, ceiling)
        kept = {"information": self.value, "factors": self.factors.names, **parts}
        return Measured(value, low, high, ceiling, {**self.settings, **(settings or {})}, kept)


def information_of(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    estimator: Estimator | None = None,
    bins: int = 20,
    kind: histogram.Bins = "equal width",
    samples: int = SAMPLES,
    seed: int = 0,
) -> Information:
    """The information of codes and factors by an estimator; computed once for one pair of Codes and Factors.

    Without an estimator's name it is "posterior" for codes with variances and "neighbours" for points.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value, for an unknown estimator,
            fewer than 2 bins, and where a value of a factor occurs once and "neighbours" is asked for.
    """
    found = codes_of(codes)
    about = factors_of(factors, len(found))
    chosen = estimator or ("posterior" if found.has_posteriors else "neighbours")
    _check(about, chosen, bins)
    key = (id(about), chosen, bins, kind, samples, check_seed(seed))
    if key not in found.kept:
        found.kept[key] = _computed(found, about, chosen, bins, kind, samples, seed)
    kept: Information = found.kept[key]  # it holds the factors, so that their id stays theirs
    return kept


def _computed(
    codes: Codes, factors: Factors, estimator: str, bins: int, kind: histogram.Bins, samples: int, seed: int
) -> Information:
    if estimator == "posterior":
        return _by_posterior(codes, factors, samples, seed)
    if estimator == "neighbours":
        return _by_neighbours(codes, factors, seed)
    return _by_histogram(codes, factors, bins, kind, seed)


def posterior_entropies(
    posterior: AggregatePosterior,
    labels: Labels,
    samples: int,
    *,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Estimate, Estimate]:
    """H(z_d), [D], and H(z_d | v_k), [K, D], in nats, of the exact aggregate posterior, both by one generator."""
    if seed is not None and generator is None:
        generator, seed = torch.Generator(posterior.device).manual_seed(check_seed(seed)), None
    marginal = posterior.marginal_entropies(samples, seed=seed, generator=generator)
    return marginal, posterior.conditional_entropies(labels, samples, seed=seed, generator=generator)


def _by_posterior(codes: Codes, factors: Factors, samples: int, seed: int) -> Information:
    """What is random is the samples of the entropies, so replicates are the entropies with their errors."""
    marginal, conditional = posterior_entropies(codes.posterior, factors.labels, samples, seed=seed)
    rng = np.random.default_rng(seed)
    values, replicates = zip(*(_drawn(estimate, rng) for estimate in (marginal, conditional)), strict=True)
    value = (values[0] - values[1]).T
    drawn = np.moveaxis(replicates[0][:, None] - replicates[1], -2, -1)
    entropies = np.broadcast_to(factors.entropies, (REPLICATES, factors.count))
    settings = {"estimator": "posterior", "samples": samples, "seed": seed}
    return Information(factors, settings, value, drawn, factors.entropies, entropies)


def _drawn(estimate: Estimate, rng: np.random.Generator) -> tuple[Array, Array]:
    value, error = (part.double().cpu().numpy() for part in (estimate.value, estimate.standard_error))
    return value, value + rng.standard_normal((REPLICATES, *value.shape)) * error


def _by_neighbours(codes: Codes, factors: Factors, seed: int) -> Information:
    ranks = [neighbours.ranks_of(column) for column in codes.means.T]
    classes = [neighbours.classes_of(labels) for labels in factors.labels.T]
    terms = np.array([[neighbours.information_terms(latent, factor) for factor in classes] for latent in ranks])
    of_factors = np.array([neighbours.entropy_terms(factor) for factor in classes])
    settings = {"estimator": "neighbours", "neighbours": neighbours.NEIGHBOURS, "seed": seed}
    return _from_terms(factors, settings, terms, of_factors, None, seed)


def _by_histogram(codes: Codes, factors: Factors, bins: int, kind: histogram.Bins, seed: int) -> Information:
    cells = [histogram.binned(column, bins, kind) for column in codes.means.T]
    terms = [[histogram.row_terms(column, labels) for labels in factors.labels.T] for column in cells]
    settings = {"estimator": "histogram", "bins": f"{bins} of {kind}", "seed": seed}
    of_latents = np.array([histogram.surprise(column) for column in cells])
    of_factors = np.array([histogram.surprise(labels) for labels in factors.labels.T])
    return replace(_from_terms(factors, settings, np.array(terms), of_factors, of_latents, seed), bins=bins, kind=kind)


def _from_terms(
    factors: Factors,
    settings: Mapping[str, Any],
    terms: Array,
    of_factors: Array,
    of_latents: Array | None,
    seed: int,
) -> Information:
    """Means of rows' terms, [D, K, N], [K, N] and [D, N], and of the same rows drawn anew."""
    latents, count, rows = terms.shape
    joined = np.concatenate([terms.reshape(-1, rows), of_factors, *([] if of_latents is None else [of_latents])]).T
    value, drawn = joined.mean(0), resampled(joined, seed)
    first, second = latents * count, latents * count + count
    return Information(
        factors, settings,
        value[:first].reshape(latents, count), drawn[:, :first].reshape(-1, latents, count),
        value[first:second], drawn[:, first:second],
        None if of_latents is None else value[second:], None if of_latents is None else drawn[:, second:],
    )  # fmt: skip


def _check(factors: Factors, estimator: str, bins: int) -> None:
    if estimator not in ("posterior", "neighbours", "histogram"):
        raise ValueError(f"estimator must be posterior, neighbours or histogram, got {estimator!r}.")
    if bins < 2:
        raise ValueError(f"bins must be at least 2, got {bins}.")
    for name, size, labels in zip(factors.names, factors.sizes, factors.labels.T, strict=True):
        if size < 2:
            raise ValueError(f"factors must hold at least two values of each factor, got one of {name}.")
        least = int(np.bincount(labels).min())
        if estimator == "neighbours" and least < 2:
            raise ValueError(f"factors must hold each value twice for nearest neighbours, got one once of {name}.")


def gap_between_factors(information: Array) -> Array:
    """How far the largest of each latent is above its next, [..., D, K] -> [..., D]; above 0 where K is 1."""
    if information.shape[-1] == 1:
        return np.asarray(information[..., 0])
    top = np.sort(information, -1)
    return np.asarray(top[..., -1] - top[..., -2])
