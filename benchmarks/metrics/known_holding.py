"""Scores of held factors whose truth is known: of batches that are drawn from a world, and of its bounded noise."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from benchmarks.metrics.coverage import Known, Problem
from benchmarks.metrics.known_information import BOUNDED, HELD_OUT_WORLDS, WORLDS
from benchmarks.metrics.worlds import World

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

BATCH, BATCHES = 64, 60_000  # of the truth: its own error is 0.002
PART = 2000  # of batches at a time

# Factors are faint beside the noise, so that a batch of 64 may be told wrong.
MIXED, TURNED = [[0.8, 0.6, 0], [0.6, -0.8, 0], [0, 0.15, 0.2]], [[0.7, 0.5, 0.1], [-0.5, 0.6, 0.3], [0.3, 0.3, 0.4]]
HOLDING: dict[str, Callable[[], World]] = {
    "faint": lambda: World((3, 4, 6), [[0.5, 0, 0], [0, 0.4, 0], [0, 0, 0.3]], 1.0),
    "mixed": lambda: World((3, 4, 6), MIXED, 0.8),
    "turned": lambda: World((3, 4, 6), TURNED, 0.5),
}
FOUR = [[0.4, 0, 0, 0], [0, 0.3, 0, 0], [0, 0, 0.15, 0.1], [0, 0, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1]]
HELD_OUT_HOLDING: dict[str, Callable[[], World]] = {
    "two": lambda: World((2, 5), [[0.9, 0.1], [0.3, 0.3], [0, 0.2]], 0.8, "laplace", {0: (0.8, 0.2)}),
    "four": lambda: World((2, 3, 5, 8), FOUR, 0.5, "skewed", {2: (0.4, 0.3, 0.15, 0.1, 0.05)}),
    "many values": lambda: World((4, 12, 20), [[0.4, 0, 0], [0, 0.1, 0.02], [0.2, 0, 0.05]], 0.7, "uniform"),
}


# --- FactorVAE and BetaVAE: batches of rows of their own --------------------------------------------------------------


@cache
def holding(name: str) -> World:
    return {**HOLDING, **HELD_OUT_HOLDING}[name]()


def deviations(world: World) -> Array:
    """The standard deviation of each latent [D]."""
    return np.sqrt(world.shares @ (world.means - world.shares @ world.means) ** 2 + world.std**2)


def codes_sharing(world: World, factor: int, at: Index, rng: np.random.Generator) -> Array:
    """Codes [..., D] of combinations drawn anew that have the factor's value of those at `at` [...]."""
    values = [rng.choice(size, size=at.shape, p=p) for size, p in zip(world.sizes, world.marginals, strict=True)]
    values[factor] = world.grid[at, factor]
    means = world.means[np.ravel_multi_index(values, world.sizes)]
    return np.asarray(means + world.std * world.noise.rvs(means.shape, random_state=rng))


def of_votes(world: World) -> float:
    """FactorVAE score: of each latent, the votes of the factor that votes for it most."""
    rng, scale = np.random.default_rng(0), deviations(world)
    votes = np.zeros((len(world.sizes), world.latents))
    for factor in range(len(world.sizes)):
        for _ in range(BATCHES // len(world.sizes) // PART):
            at = rng.choice(len(world.grid), size=(PART, 1), p=world.shares)
            codes = codes_sharing(world, factor, np.repeat(at, BATCH, 1), rng)
            votes[factor] += np.bincount((codes.std(1) / scale).argmin(1), minlength=world.latents)
    return float(votes.max(0).sum() / votes.sum())


def of_pairs(world: World) -> float:
    """BetaVAE score: of a classifier of half of the batches, for the other half."""
    rng, scale, features, held = np.random.default_rng(0), deviations(world), [], []
    for factor in range(len(world.sizes)):
        for _ in range(BATCHES // len(world.sizes) // PART):
            at = rng.choice(len(world.grid), size=(PART, BATCH), p=world.shares)
            first = world.means[at] + world.std * world.noise.rvs((PART, BATCH, world.latents), random_state=rng)
            features.append(np.abs(first - codes_sharing(world, factor, at, rng)).mean(1) / scale)
            held.append(np.full(PART, factor))
    x, y = np.concatenate(features), np.concatenate(held)
    x = (x - x.mean(0)) / x.std(0)
    return float(LogisticRegression().fit(x[::2], y[::2]).score(x[1::2], y[1::2]))


def of_batches(truth: Callable[[World], float], names: Mapping[str, object]) -> list[Problem]:
    known = cache(lambda name: truth(holding(name)))
    return [Problem(name, lambda seed, name=name: Known(*holding(name).draw(seed), known(name))) for name in names]


# --- IRS: bounded noise, whose greatest deviation has a limit ---------------------------------------------------------


def irs(world: World, quantile: float = 0.99) -> float:
    """The mean of the latents' best robustness, weighed by their greatest deviations."""
    low, high = (end * world.std for end in world.noise.support())
    scores, greatest = np.zeros(world.latents), np.zeros(world.latents)
    for d, means in enumerate(world.means.T):
        centre = float(world.shares @ means)
        greatest[d] = max(means.max() + high - centre, centre - means.min() - low)
        given = [
            sum(share * _far(world, d, world.grid[:, k] == v, quantile) for v, share in enumerate(world.marginals[k]))
            for k in range(len(world.sizes))
        ]
        scores[d] = max(0.0, 1 - min(given) / greatest[d])
    return float(scores @ greatest / greatest.sum())


def _far(world: World, latent: int, chosen: npt.NDArray[np.bool_], quantile: float) -> float:
    """The quantile of the distance of a latent from its mean at the chosen combinations."""
    means, shares = world.mixture(latent, chosen)
    centre = float(means @ shares)
    low, high = (end * world.std for end in world.noise.support())
    t = np.linspace(0, max(means.max() + high - centre, centre - means.min() - low), 4001)
    within = world.below(centre + t, latent, chosen) - world.below(centre - t, latent, chosen)
    return float(np.interp(quantile, within, t))


def robust(worlds: Mapping[str, Callable[[str], World]], noises: Mapping[str, str]) -> list[Problem]:
    @cache
    def of(name: str) -> tuple[World, float]:
        world = worlds[name](noises[name])
        return world, irs(world)

    return [Problem(name, lambda seed, name=name: Known(*of(name)[0].draw(seed), of(name)[1])) for name in noises]


PROBLEMS = {
    "factor_vae_score": of_batches(of_votes, HOLDING),
    "beta_vae_score": of_batches(of_pairs, HOLDING),
    "irs": robust(WORLDS, dict.fromkeys(WORLDS, "uniform")),
}
HELD_OUT = {
    "factor_vae_score": of_batches(of_votes, HELD_OUT_HOLDING),
    "beta_vae_score": of_batches(of_pairs, HELD_OUT_HOLDING),
    "irs": robust(HELD_OUT_WORLDS, BOUNDED),
}
