"""Scores of information whose truth is known: latents that are sums of independent factors and noise.

A latent is z = a . v + noise. Given some of the factors it is a mixture over the others' values, whose entropy is an
integral over one number, or, of bins, a sum over cells. A score is its formula, restated, of the matrix of these.
"""

import itertools
import math
from collections.abc import Callable
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.metrics.coverage import Known, Problem
from pyvae.metrics import Codes, Factors

Array = npt.NDArray[np.float64]

SIZES = (3, 4, 6)
ROWS = 4000
GRID = np.array(list(itertools.product(*map(range, SIZES))))  # [72, 3], each as often as any other
ENTROPIES = np.log(SIZES)
# Weights [D, K] of the factors, and the noise's standard deviation of every latent.
WORLDS: dict[str, tuple[list[list[float]], float]] = {
    "clean": ([[2, 0, 0], [0, 2, 0], [0, 0, 2]], 0.5),
    "noisy": ([[1.5, 0, 0], [0, 1, 0], [0, 0, 0.7], [0, 0.4, 0]], 1.0),
    "mixed": ([[1, 0.8, 0], [0.6, -1, 0], [0, 0.3, 0.8]], 0.5),
    "spread": ([[2, 0, 0], [0, 1, 0], [0, 0.8, 0], [0.2, 0, 1]], 0.7),
}
UNIFORM = math.sqrt(3)  # half the width of uniform noise with standard deviation 1


class World:
    """Latents with weights [D, K] and noise of a kind, and what they tell in truth."""

    def __init__(self, weights: list[list[float]], std: float, noise: Literal["normal", "uniform"]) -> None:
        self.weights, self.std, self.noise = np.array(weights, dtype=np.float64), std, noise
        self.means = GRID @ self.weights.T  # [72, D]

    def draw(self, seed: int) -> tuple[Codes, Factors]:
        """Rows drawn anew, as points."""
        rng = np.random.default_rng(seed)
        rows = rng.integers(len(GRID), size=ROWS)
        shape = (ROWS, self.means.shape[1])
        noise = rng.normal(size=shape) if self.noise == "normal" else rng.uniform(-UNIFORM, UNIFORM, shape)
        return Codes(self.means[rows] + self.std * noise), Factors(GRID[rows])

    def posteriors(self) -> tuple[Codes, Factors]:
        """Every combination of factors as often, as posteriors: what is random is drawn by the score."""
        rows = np.tile(np.arange(len(GRID)), 10)
        mu = self.means[rows]
        return Codes(mu, np.full_like(mu, 2 * math.log(self.std))), Factors(GRID[rows])

    def information(self, entropy: Callable[[int, Array], float]) -> Array:
        """I(z_d; v_k) [D, K], of the entropy of latent d as a mixture of some combinations."""
        latents, every = range(self.means.shape[1]), np.ones(len(GRID), dtype=bool)
        given = [
            [np.mean([entropy(d, GRID[:, k] == v) for v in range(size)]) for k, size in enumerate(SIZES)]
            for d in latents
        ]
        return np.array([[entropy(d, every)] for d in latents]) - np.array(given)

    def differential(self, latent: int, chosen: Array) -> float:
        """H(z_d) in nats, of normal noise."""
        means = self.means[chosen.astype(bool), latent]
        z = np.linspace(means.min() - 10 * self.std, means.max() + 10 * self.std, 8001)
        density = np.exp(-0.5 * ((z[:, None] - means) / self.std) ** 2).mean(1) / (self.std * math.sqrt(2 * math.pi))
        return -float(np.trapezoid(density * np.log(np.maximum(density, 1e-300)), z))

    def cells(self, edges: list[Array]) -> Callable[[int, Array], float]:
        """The entropy of latent d in bins between its edges, of uniform noise."""

        def entropy(latent: int, chosen: Array) -> float:
            share = np.diff(self.below(edges[latent], latent, chosen.astype(bool)))
            return -float((share[share > 0] * np.log(share[share > 0])).sum())

        return entropy

    def below(self, z: Array, latent: int, chosen: npt.NDArray[np.bool_]) -> Array:
        """P(z_d <= z) of uniform noise."""
        reach = UNIFORM * self.std
        return np.clip((z[:, None] - self.means[chosen, latent] + reach) / (2 * reach), 0, 1).mean(1)

    def equal_width(self, bins: int) -> list[Array]:
        """Edges of bins between the least and the greatest value there can be."""
        reach = UNIFORM * self.std
        return [np.linspace(m.min() - reach, m.max() + reach, bins + 1) for m in self.means.T]

    def equal_shares(self, bins: int) -> list[Array]:
        """Edges of bins that are equally likely."""
        every = np.ones(len(GRID), dtype=bool)
        fine = [np.linspace(edges[0], edges[-1], 200_001) for edges in self.equal_width(2)]
        below = [self.below(z, d, every) for d, z in enumerate(fine)]
        shares = np.linspace(0, 1, bins + 1)[1:-1]
        return [np.concatenate([z[:1], np.interp(shares, p, z), z[-1:]]) for z, p in zip(fine, below, strict=True)]


# --- Formulas of the scores, of information [D, K] -----------------------------------------------------------------


def mig(information: Array) -> float:
    top = np.sort(information, 0)
    return float(((top[-1] - top[-2]) / ENTROPIES).mean())


def mig_sup(information: Array) -> float:
    top = np.sort(information / ENTROPIES, 1)
    return float((top[:, -1] - top[:, -2]).mean())


def dcimig(information: Array) -> float:
    top, best = np.sort(information, 1), information.argmax(1)
    gaps = [max([top[d, -1] - top[d, -2] for d in np.flatnonzero(best == k)], default=0.0) for k in range(len(SIZES))]
    return float(sum(gaps) / ENTROPIES.sum())


def modularity(information: Array) -> float:
    squared = information**2
    return float((1 - (squared.sum(1) / squared.max(1) - 1) / (len(SIZES) - 1)).mean())


def infom(information: Array) -> float:
    shares = information / ENTROPIES
    return float(((shares.max(1) / shares.sum(1)).mean() - 1 / len(SIZES)) / (1 - 1 / len(SIZES)))


def infoc(information: Array) -> float:
    shares, latents = information / ENTROPIES, len(information)
    return float(((shares.max(0) / shares.sum(0)).mean() - 1 / latents) / (1 - 1 / latents))


def sufficiency(information: Array) -> float:
    return float((information.max(0) / ENTROPIES).mean())


def jemmig_of(bins: int) -> Callable[[Array], float]:
    def jemmig(information: Array) -> float:  # a latent in bins that are equally likely has the entropy log(bins)
        top = np.sort(information, 0)
        joint = ENTROPIES + math.log(bins) - 2 * top[-1] + top[-2]
        return float((1 - joint / (ENTROPIES + math.log(bins))).mean())

    return jemmig


# --- Problems ------------------------------------------------------------------------------------------------------


@cache
def _world(name: str, noise: Literal["normal", "uniform"]) -> World:
    return World(*WORLDS[name], noise)


@cache
def _differential(name: str) -> Array:
    world = _world(name, "normal")
    return world.information(world.differential)


def points(formula: Callable[[Array], float]) -> list[Problem]:
    """Points with normal noise, of every world."""
    return [
        Problem(name, lambda seed, name=name: Known(*_world(name, "normal").draw(seed), formula(_differential(name))))
        for name in WORLDS
    ]


def posteriors(formula: Callable[[Array], float]) -> list[Problem]:
    """The same worlds as posteriors."""
    return [
        Problem(
            name,
            lambda seed, name=name: Known(*_world(name, "normal").posteriors(), formula(_differential(name))),
            {"samples": 1000},
        )
        for name in WORLDS
    ]


def binned(formula: Callable[[Array], float], bins: int, kind: str) -> list[Problem]:
    """Points with uniform noise in bins."""

    @cache
    def truth(name: str) -> float:
        world = _world(name, "uniform")
        edges = world.equal_shares(bins) if kind == "shares" else world.equal_width(bins)
        return formula(world.information(world.cells(edges)))

    return [
        Problem(name, lambda seed, name=name: Known(*_world(name, "uniform").draw(seed), truth(name)))
        for name in WORLDS
    ]


def minimal(bins: int = 15) -> list[Problem]:
    """Minimality, whose latents' entropies are those of their bins."""

    @cache
    def truth(name: str) -> float:
        world = _world(name, "uniform")
        entropy, every = world.cells(world.equal_width(bins)), np.ones(len(GRID), dtype=bool)
        of_latents = np.array([entropy(d, every) for d in range(world.means.shape[1])])
        return float((world.information(entropy).max(1) / of_latents).mean())

    return [
        Problem(name, lambda seed, name=name: Known(*_world(name, "uniform").draw(seed), truth(name)))
        for name in WORLDS
    ]


def explicit() -> list[Problem]:
    """Bits with a latent each, of normal noise: the best probe is linear and leaves H(v | z)."""

    @cache
    def told(gap: float) -> float:
        z = np.linspace(-10, 10 + gap, 8001)
        parts = np.exp(-0.5 * (z[:, None] - np.array([0, gap])) ** 2) / math.sqrt(2 * math.pi)
        return float(np.trapezoid(-parts.mean(1) * np.log(parts.mean(1)), z)) - 0.5 * math.log(2 * math.pi * math.e)

    def draw(gaps: tuple[float, ...], seed: int) -> Known:
        rng = np.random.default_rng(seed)
        bits = rng.integers(2, size=(ROWS, len(gaps)))
        codes = bits * np.array(gaps) + rng.normal(size=bits.shape)
        return Known(Codes(codes), Factors(bits), float(np.mean([told(gap) for gap in gaps])) / math.log(2))

    gaps = {"faint": (0.5, 1.0, 1.5), "clear": (2.0, 3.0), "one of each": (0.5, 2.0, 4.0)}
    return [Problem(name, lambda seed, given=given: draw(given, seed)) for name, given in gaps.items()]


PROBLEMS: dict[str, list[Problem]] = {
    "mig": points(mig),
    "mig of posteriors": posteriors(mig),
    "mig_sup": points(mig_sup),
    "mig_sup of posteriors": posteriors(mig_sup),
    "dcimig": points(dcimig),
    "dcimig of posteriors": posteriors(dcimig),
    "modularity": points(modularity),
    "modularity of posteriors": posteriors(modularity),
    "infomec_modularity": points(infom),
    "infomec_compactness": points(infoc),
    "infomec_explicitness": explicit(),
    "jemmig": binned(jemmig_of(20), 20, "shares"),
    "minimality": minimal(),
    "sufficiency": binned(sufficiency, 15, "width"),
}
