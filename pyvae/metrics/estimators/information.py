"""I(z_d; v_k) of every latent and factor, which most scores are functions of, with replicates for their intervals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators import histogram, neighbours
from pyvae.metrics.estimators.columns import Array, Index
from pyvae.metrics.estimators.latents import ACTIVE_NATS
from pyvae.metrics.estimators.posteriors import terms_of
from pyvae.metrics.estimators.resampling import is_few, reach_of, resampled
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured
from pyvae.ops.arguments import whole

Estimator = Literal["posterior", "neighbours", "histogram"]

# Neighbourhoods overlap, so that the mean of a latent's terms scatters more than that of independent terms would: of 30
# pairs of a latent and a factor whose information is known 1.1 times as far, by benchmarks/metrics/worlds.py.
OVERLAP = 1.1
# What one Codes keeps: all scores of one pair share a few, and factors given as an array are other ones each time.
KEPT = 16

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Information:
    """`value` [D, K] in nats, not clipped at 0; the factors' entropies [K] and, of binned codes, the latents' [D],
    or, of posteriors, what the latents hold of the data.

    Replicates [R, ...] of each are drawn together; `factors` are those that it is about; `chance` [D, K] is what is
    expected to be in `value` where latent and factor are independent.
    """

    factors: Factors
    settings: Mapping[str, Any]
    value: Array
    value_replicates: Array
    entropies: Array
    entropy_replicates: Array
    latent_entropies: Array | None = None
    latent_entropy_replicates: Array | None = None
    bins: histogram.Binning | None = None
    chance: Array | None = None

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Which latents [D] hold ACTIVE_NATS of a factor beyond what chance adds, with a 95 % interval above 0."""
        told = self.value - (0.0 if self.chance is None else self.chance)
        low = told - reach_of(self.value_replicates)
        return np.asarray(((told >= ACTIVE_NATS) & (low > 0)).any(1))

    def ceiling(self, score: Callable[..., Array], *, latent_entropies: bool = False) -> float:
        """What the factors themselves score as codes, by the same estimator: bins may merge their values."""
        if self.bins is None:
            return 1.0
        cells = _cells(self.factors.labels.astype(np.float64), self.bins)
        terms = _counted(cells, self.factors, self.bins)
        means = [part.mean(-1) for part in terms]
        return min(1.0, max(0.0, float(score(*means if latent_entropies else means[:2]))))

    def measured(
        self,
        score: Callable[..., Array],
        ceiling: float,
        *,
        latent_entropies: bool = False,
        settings: Mapping[str, Any] | None = None,
        **parts: Any,
    ) -> Measured:
        """A score from 0 to 1, a function of information [..., D, K], entropies [..., K] and, if asked for, the
        latents' [..., D] -> [...].
        """
        given, drawn = [self.value, self.entropies], [self.value_replicates, self.entropy_replicates]
        if latent_entropies:
            assert self.latent_entropies is not None and self.latent_entropy_replicates is not None
            given.append(self.latent_entropies)
            drawn.append(self.latent_entropy_replicates)
        plain = float(score(*given))
        value = min(max(plain, 0.0), 1.0)
        ceiling = max(ceiling, value)  # by chance, and where bins suit a code better than the factors themselves
        centre = plain - self._bias(score, given[1:], drawn[1:])
        # Chance adds up to this, and less the more is told: only the lower end counts on all of it.
        least = centre if self.chance is None else plain - self._bias(score, given[1:], drawn[1:], self.chance)
        reach = float(reach_of(score(*drawn)))
        low, high = max(0.0, min(value, centre - reach, least - reach)), min(ceiling, max(value, centre + reach))
        if is_few(len(self.factors)) and self.settings["estimator"] != "posterior":
            low, high = 0.0, ceiling
        kept = {"information": self.value, "factors": self.factors.names, **parts}
        return Measured(value, low, high, ceiling, {**self.settings, **(settings or {})}, kept)

    def _bias(
        self, score: Callable[..., Array], others: list[Array], drawn: list[Array], chance: Array | float = 0.0
    ) -> float:
        """What noise adds to a score that takes the largest of several numbers, and `chance` to all of them: the mean
        of replicates around an information that is 0 wherever it cannot be told from 0.

        Replicates of the values themselves would know of half of it only, since their largest is one that noise raised.
        """
        noise = self.value_replicates - self.value
        told = np.where(self.value - chance > 2 * noise.std(0), self.value - chance, 0.0)
        return float(np.mean(score(told + chance + noise, *drawn)) - float(score(told, *others)))


def information_of(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    estimator: Estimator | None = None,
    bins: int = 20,
    kind: histogram.Bins = "equal width",
    corrected: bool = True,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Information:
    """The information of codes and factors by an estimator; computed once for one pair of Codes and Factors.

    Without an estimator's name it is "posterior" for codes with variances and "neighbours" for points. Of a histogram
    the bias of few rows is subtracted (`corrected`) for factors whose cells are fewer than a tenth of the rows;
    where it is not, intervals of scores reach down by it.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value, for an unknown estimator,
            fewer than 2 bins, and where a value of a factor occurs once and "neighbours" is asked for.
    """
    found = codes_of(codes)
    about = factors_of(factors, len(found))
    chosen = ("posterior" if found.has_posteriors else "neighbours") if estimator is None else estimator
    _check(about, chosen)
    bins, samples, seed = whole("bins", bins, least=2), whole("samples", samples, least=2), check_seed(seed)
    if chosen == "posterior":
        return kept_by(found, about, (chosen, samples, seed), lambda: _by_posterior(found, about, samples, seed))
    if chosen == "neighbours":
        return kept_by(found, about, (chosen, seed), lambda: _by_neighbours(found, about, seed))
    binning = histogram.Binning(bins, kind, corrected)
    return kept_by(found, about, (chosen, *binning, seed), lambda: _by_histogram(found, about, binning, seed))


def kept_by(codes: Codes, factors: Factors, key: tuple[Any, ...], compute: Callable[[], Kept]) -> Kept:
    """What `compute` gives, once for one pair of Codes and Factors: the next score asks again."""
    name = (id(factors), *key)
    if name not in codes.kept:
        if len(codes.kept) == KEPT:
            del codes.kept[next(iter(codes.kept))]
        codes.kept[name] = factors, compute()  # with the factors, so that their id stays theirs
    found: Kept = codes.kept[name][1]
    return found


def _by_posterior(codes: Codes, factors: Factors, samples: int, seed: int) -> Information:
    """What is random is the samples; the factors' entropies are those of all points."""
    terms = terms_of(codes.posterior, factors.labels, samples, seed=seed)
    of_factors = terms.of_factors.permute(2, 1, 0).cpu().numpy()
    exact = np.broadcast_to(factors.entropies[:, None], of_factors.shape[1:])
    settings = {"estimator": "posterior", "samples": samples, "seed": seed}
    return _from_terms(factors, settings, of_factors, exact, terms.of_data.T.cpu().numpy(), seed)


def _by_neighbours(codes: Codes, factors: Factors, seed: int) -> Information:
    ranks = [neighbours.ranks_of(column) for column in codes.means.T]
    classes = [neighbours.classes_of(labels) for labels in factors.labels.T]
    terms = np.array([[neighbours.information_terms(latent, factor) for factor in classes] for latent in ranks])
    of_factors = np.array([neighbours.entropy_terms(factor) for factor in classes])
    settings = {"estimator": "neighbours", "neighbours": neighbours.NEIGHBOURS, "seed": seed}
    found = _from_terms(factors, settings, terms, of_factors, None, seed)
    return replace(found, value_replicates=found.value + OVERLAP * (found.value_replicates - found.value))


def _by_histogram(codes: Codes, factors: Factors, bins: histogram.Binning, seed: int) -> Information:
    corrected = {"corrected": bins.corrected}
    settings = {"estimator": "histogram", "bins": f"{bins.bins} of {bins.kind}", **corrected, "seed": seed}
    cells = _cells(codes.means, bins)
    pairs = _is_subtracted(factors, bins)
    chance = None
    if not all(right for _, right in pairs):
        chance = np.array([[0.0 if right else histogram.chance(cell, v) for v, right in pairs] for cell in cells])
    found = _from_terms(factors, settings, *_counted(cells, factors, bins), seed)
    return replace(found, bins=bins, chance=chance)


def _cells(columns: Array, bins: histogram.Binning) -> list[Index]:
    return [histogram.binned(column, bins.bins, bins.kind) for column in columns.T]


def _is_subtracted(factors: Factors, bins: histogram.Binning) -> list[tuple[Index, bool]]:
    """Each factor's labels [N], and whether what chance adds to their information is subtracted."""
    return [(v, bins.corrected and histogram.is_corrected(bins.bins, v)) for v in factors.labels.T]


def _counted(cells: list[Index], factors: Factors, bins: histogram.Binning) -> tuple[Array, Array, Array]:
    """Rows' terms of binned columns, D of [N]: information [D, K, N], entropies [K, N] and [D, N]."""
    pairs = _is_subtracted(factors, bins)
    information = [[histogram.row_terms(cell, v, corrected=right) for v, right in pairs] for cell in cells]
    of_factors = [histogram.surprise(v, corrected=right) for v, right in pairs]
    of_latents = [histogram.surprise(cell, corrected=all(right for _, right in pairs)) for cell in cells]
    return np.array(information), np.array(of_factors), np.array(of_latents)


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


def _check(factors: Factors, estimator: str) -> None:
    if estimator not in ("posterior", "neighbours", "histogram"):
        raise ValueError(f"estimator must be posterior, neighbours or histogram, got {estimator!r}.")
    factors.check_varied()
    for name, labels in zip(factors.names, factors.labels.T, strict=True):
        if estimator == "neighbours" and np.bincount(labels).min() < 2:
            raise ValueError(f"factors must hold each value twice for nearest neighbours, got one once of {name}.")


def gap_between_factors(information: Array) -> Array:
    """How far the largest of each latent is above its next, [..., D, K] -> [..., D]; above 0 where K is 1."""
    if information.shape[-1] == 1:
        return np.asarray(information[..., 0])
    top = np.sort(information, -1)
    return np.asarray(top[..., -1] - top[..., -2])
