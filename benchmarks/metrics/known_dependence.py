"""Scores of dependence between latents whose truth is known: latents that are linear maps of independent sources."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.metrics.coverage import Known, Problem
from benchmarks.metrics.worlds import NOISES, ROWS
from pyvae.metrics import Codes

Array = npt.NDArray[np.float64]

BINS = 20  # of the mutual-information score


class Sources(NamedTuple):
    """Latents are `mixing` [D, S] of independent sources with standard deviation 1, all of one kind."""

    mixing: Sequence[Sequence[float]]
    kind: str = "normal"

    def draw(self, seed: int) -> Codes:
        mixing, rng = np.array(self.mixing, dtype=np.float64), np.random.default_rng(seed)
        return Codes(NOISES[self.kind].rvs((ROWS, mixing.shape[1]), random_state=rng) @ mixing.T)

    @property
    def covariance(self) -> Array:
        mixing = np.array(self.mixing, dtype=np.float64)
        return np.asarray(mixing @ mixing.T)


TUNED = {
    "independent": Sources([[1, 0, 0], [0, 2, 0], [0, 0, 0.5]]),
    "a pair": Sources([[1, 0, 0], [0.5, 0.9, 0], [0, 0, 1]]),
    "all": Sources([[1, 0.3, 0], [0.3, 1, 0.3], [0, 0.3, 1]]),
}
HELD_OUT_SOURCES = {
    "five": Sources([[1, 0.2, 0, 0, 0], [0, 1, 0.4, 0, 0], [0, 0, 1, 0.6, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 3]]),
    "heavy": Sources([[1, 0.7], [0.2, 1]], "laplace"),
    "skewed": Sources([[1, 0, 0, 0.5], [0, 1, 0, 0.5], [0, 0, 0.2, 0.5]], "skewed"),
    "bounded": Sources([[1, -0.4, 0], [0.4, 1, 0], [1, 1, 0.5]], "bowl"),
}


# --- Formulas ---------------------------------------------------------------------------------------------------------


def total_correlation(of: Sources) -> float:
    """-log det R / 2 of the correlations R."""
    std = np.sqrt(np.diagonal(of.covariance))
    return -float(np.linalg.slogdet(of.covariance / np.outer(std, std))[1]) / 2


def wasserstein(of: Sources) -> float:
    """2 tr S - 2 tr (L^1/2 S L^1/2)^1/2 of the covariances S and the variances L."""
    std = np.sqrt(np.diagonal(of.covariance))
    inner = np.linalg.eigvalsh(of.covariance * np.outer(std, std))
    return float(2 * np.trace(of.covariance) - 2 * np.sqrt(np.maximum(inner, 0)).sum())


def problems(formula: Callable[[Sources], float], sources: dict[str, Sources]) -> list[Problem]:
    return [
        Problem(name, lambda seed, one=one: Known(one.draw(seed), None, formula(one))) for name, one in sources.items()
    ]


# --- Mutual information of latents in bins of equal shares ------------------------------------------------------------


class Chain(NamedTuple):
    """Latents (x, a x + e, e') of which the first two depend on each other: x and both noises of one kind."""

    slope: float
    kind: str = "normal"

    def draw(self, seed: int) -> Codes:
        x, e, other = NOISES[self.kind].rvs((3, ROWS), random_state=np.random.default_rng(seed))
        return Codes(np.stack([x, self.slope * x + e, other], 1))


def binned_information(of: Chain, points: int = 4000) -> float:
    """I of x and a x + e in bins, of `points` equally likely values of x; one of three pairs has it."""
    noise = NOISES[of.kind]
    x = noise.ppf((np.arange(points) + 0.5) / points)
    fine = np.linspace(*(np.sort(of.slope * x[[0, -1]]) + noise.ppf([1e-9, 1 - 1e-9])), 4001)
    below = noise.cdf(fine[:, None] - of.slope * x).mean(1)
    edges = np.interp(np.arange(1, BINS) / BINS, below, fine)
    upto = np.concatenate([np.zeros((1, points)), noise.cdf(edges[:, None] - of.slope * x), np.ones((1, points))])
    cells = np.diff(upto, axis=0).reshape(BINS, BINS, -1).mean(2) / BINS  # of the second latent, and of x
    ratio = cells / np.outer(cells.sum(1), cells.sum(0))
    return max(0.0, float((cells * np.log(np.maximum(ratio, 1e-300))).sum())) / 3


def chains(given: dict[str, Chain]) -> list[Problem]:
    truth = cache(binned_information)
    return [Problem(name, lambda seed, one=one: Known(one.draw(seed), None, truth(one))) for name, one in given.items()]


PROBLEMS = {
    "gaussian_total_correlation": problems(total_correlation, TUNED),
    "wasserstein_correlation": problems(wasserstein, TUNED),
    "mutual_information_score": chains({"independent": Chain(0.0), "weak": Chain(0.3), "strong": Chain(2.0)}),
}
HELD_OUT = {
    "gaussian_total_correlation": problems(total_correlation, HELD_OUT_SOURCES),
    "wasserstein_correlation": problems(wasserstein, HELD_OUT_SOURCES),
    "mutual_information_score": chains(
        {"heavy": Chain(0.5, "laplace"), "skewed": Chain(-1.0, "skewed"), "bounded": Chain(1.0, "bowl")}
    ),
}
