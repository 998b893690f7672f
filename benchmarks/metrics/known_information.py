"""Scores of information whose truth is known: each is its formula, restated, of what a world's latents tell."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from benchmarks.metrics.coverage import Known, Problem
from benchmarks.metrics.worlds import NOISES, ROWS, World
from pyvae.metrics import Codes, Factors

Array = npt.NDArray[np.float64]

SIZES = (3, 4, 6)
CLEAN, NOISY = [[2, 0, 0], [0, 2, 0], [0, 0, 2]], [[1.5, 0, 0], [0, 1, 0], [0, 0, 0.7], [0, 0.4, 0]]
MIXED, SPREAD = [[1, 0.8, 0], [0.6, -1, 0], [0, 0.3, 0.8]], [[2, 0, 0], [0, 1, 0], [0, 0.8, 0], [0.2, 0, 1]]
# The methods of intervals were chosen by what they cover here.
WORLDS: dict[str, Callable[[str], World]] = {
    "clean": lambda noise: World(SIZES, CLEAN, 0.5, noise),
    "noisy": lambda noise: World(SIZES, NOISY, 1.0, noise),
    "mixed": lambda noise: World(SIZES, MIXED, 0.5, noise),
    "spread": lambda noise: World(SIZES, SPREAD, 0.7, noise),
}
# No method was: other numbers of factors and values, frequencies that are not equal, other noise.
FEW, MANY = [[3, 0], [0, 1], [0.5, 0.5]], [[1, 0, 0], [0, 0.5, 0], [0, 0, 0.3]]
FOUR = [[2, 0, 0, 0], [0, 1.5, 0, 0], [0, 0.3, 0.8, 0], [0, 0, 0, 0.6], [0.4, 0, 0, 0.3]]
ENTANGLED = [[1, 0.9, 0], [0.7, -1, 0.2], [0, 0.5, 0.6]]
HELD_OUT_WORLDS: dict[str, Callable[[str], World]] = {
    "few": lambda noise: World((2, 5), FEW, 0.6, noise, {0: (0.8, 0.2), 1: (0.4, 0.3, 0.15, 0.1, 0.05)}),
    "four": lambda noise: World((2, 3, 5, 8), FOUR, 0.8, noise, {0: (0.75, 0.25)}),
    "many": lambda noise: World((4, 12, 20), MANY, 0.4, noise),
    "entangled": lambda noise: World((3, 3, 7), ENTANGLED, 0.7, noise, {0: (0.5, 0.25, 0.25), 1: (0.6, 0.2, 0.2)}),
}
UNBOUNDED = {"few": "laplace", "four": "skewed", "many": "logistic", "entangled": "student"}
BOUNDED = {"few": "slanted", "four": "bowl", "many": "slanted", "entangled": "bowl"}


class Truth(NamedTuple):
    """Information [D, K], entropies of the factors [K] and of the latents [D], in nats."""

    information: Array
    entropies: Array
    latents: Array


Formula = Callable[[Truth], float]


# --- Formulas of the scores ------------------------------------------------------------------------------------------


def mig(of: Truth) -> float:
    top = np.sort(of.information, 0)
    return float(((top[-1] - top[-2]) / of.entropies).mean())


def mig_sup(of: Truth) -> float:
    top = np.sort(of.information / of.entropies, 1)
    return float((top[:, -1] - top[:, -2]).mean())


def dcimig(of: Truth) -> float:
    top, best = np.sort(of.information, 1), of.information.argmax(1)
    gaps = [
        max([top[d, -1] - top[d, -2] for d in np.flatnonzero(best == k)], default=0.0) for k in range(len(of.entropies))
    ]
    return float(sum(gaps) / of.entropies.sum())


def modularity(of: Truth) -> float:
    squared = of.information**2
    return float((1 - (squared.sum(1) / squared.max(1) - 1) / (len(of.entropies) - 1)).mean())


def infom(of: Truth) -> float:
    shares, factors = of.information / of.entropies, len(of.entropies)
    return float(((shares.max(1) / shares.sum(1)).mean() - 1 / factors) / (1 - 1 / factors))


def infoc(of: Truth) -> float:
    shares, latents = of.information / of.entropies, len(of.information)
    return float(((shares.max(0) / shares.sum(0)).mean() - 1 / latents) / (1 - 1 / latents))


def sufficiency(of: Truth) -> float:
    return float((of.information.max(0) / of.entropies).mean())


def minimality(of: Truth) -> float:
    return float((of.information.max(1) / of.latents).mean())


def jemmig(of: Truth, bins: int = 20) -> float:
    """Of a latent in bins that are equally likely, whose entropy is log(bins)."""
    top = np.sort(of.information, 0)
    joint = of.entropies + np.maximum(math.log(bins), top[-1]) - top[-1]
    return float((1 - (joint - top[-1] + top[-2]) / (of.entropies + math.log(bins))).mean())


# --- Problems of worlds ----------------------------------------------------------------------------------------------


@cache
def _world(name: str, noise: str) -> World:
    return {**WORLDS, **HELD_OUT_WORLDS}[name](noise)


@lru_cache(1000)
def _drawn(name: str, noise: str, seed: int) -> tuple[Codes, Factors]:
    """The same for all scores, which share what they compute of one pair."""
    return _world(name, noise).draw(seed)


@cache
def _settled(name: str) -> tuple[Codes, Factors]:
    return _world(name, "normal").posteriors()


@cache
def _differential(name: str, noise: str) -> Truth:
    world = _world(name, noise)
    return Truth(world.information(world.differential), world.entropies, world.of_latents(world.differential))


@cache
def _binned(name: str, noise: str, bins: int) -> Truth:
    world = _world(name, noise)
    entropy = world.cells(world.equal_width(bins))
    return Truth(world.information(entropy), world.entropies, world.of_latents(entropy))


def points(formula: Formula, noises: Mapping[str, str]) -> list[Problem]:
    """Points with the noise of each world."""

    def draw(name: str, seed: int) -> Known:
        return Known(*_drawn(name, noises[name], seed), formula(_differential(name, noises[name])))

    return [Problem(name, lambda seed, name=name: draw(name, seed)) for name in noises]


def posteriors(formula: Formula, names: Sequence[str]) -> list[Problem]:
    """The same worlds as normal posteriors."""

    def draw(name: str) -> Known:
        return Known(*_settled(name), formula(_differential(name, "normal")))

    return [Problem(name, lambda seed, name=name: draw(name), {"samples": 1000}) for name in names]


def binned(formula: Formula, noises: Mapping[str, str], bins: int = 15) -> list[Problem]:
    """Points with bounded noise in bins of equal width."""

    def draw(name: str, seed: int) -> Known:
        return Known(*_drawn(name, noises[name], seed), formula(_binned(name, noises[name], bins)))

    return [Problem(name, lambda seed, name=name: draw(name, seed)) for name in noises]


# --- Bits and kinds with a latent each, told by a linear probe -------------------------------------------------------


@cache
def told_linearly(shares: tuple[float, ...], gap: float, noise: str) -> float:
    """(H(v) - CE) / H(v) of the best multinomial logistic regression on one latent, whose means lie a gap apart."""
    p, found = np.array(shares), NOISES[noise]
    low, high = found.ppf([1e-9, 1 - 1e-9])
    z = np.linspace(low, high + gap * (len(p) - 1), 8001)
    weight = p * found.pdf(z[:, None] - gap * np.arange(len(p))) * (z[1] - z[0])

    def loss(lines: Array) -> float:
        return -float((weight * special.log_softmax(np.outer(z, lines[: len(p)]) + lines[len(p) :], axis=1)).sum())

    entropy = float(special.entr(p).sum())
    start = np.concatenate([gap * np.arange(len(p)), np.log(p) - (gap * np.arange(len(p))) ** 2 / 2])
    return 1 - float(optimize.minimize(loss, start, tol=1e-9).fun) / entropy


def explicit(shares: tuple[float, ...], gaps: Mapping[str, Sequence[float]], noise: str) -> list[Problem]:
    """Kinds with these shares, a factor for each gap."""

    def draw(given: Sequence[float], seed: int) -> Known:
        rng = np.random.default_rng(seed)
        kinds = rng.choice(len(shares), p=shares, size=(ROWS, len(given)))
        codes = kinds * np.array(given) + NOISES[noise].rvs(kinds.shape, random_state=rng)
        return Known(Codes(codes), Factors(kinds), float(np.mean([told_linearly(shares, g, noise) for g in given])))

    return [Problem(name, lambda seed, given=given: draw(given, seed)) for name, given in gaps.items()]


OF_POINTS: dict[str, Formula] = {
    "mig": mig,
    "mig_sup": mig_sup,
    "dcimig": dcimig,
    "modularity": modularity,
    "infomec_modularity": infom,
    "infomec_compactness": infoc,
    "jemmig": jemmig,
}
OF_POSTERIORS = ("mig", "mig_sup", "dcimig", "modularity")
OF_BINS: dict[str, Formula] = {"minimality": minimality, "sufficiency": sufficiency}


def _of_worlds(unbounded: Mapping[str, str], bounded: Mapping[str, str]) -> dict[str, list[Problem]]:
    return {
        **{name: points(formula, unbounded) for name, formula in OF_POINTS.items()},
        **{f"{name} of posteriors": posteriors(OF_POINTS[name], list(unbounded)) for name in OF_POSTERIORS},
        **{name: binned(formula, bounded) for name, formula in OF_BINS.items()},
    }


_GAPS = {"faint": (0.5, 1.0, 1.5), "clear": (2.0, 3.0), "one of each": (0.5, 2.0, 4.0)}

PROBLEMS = {
    **_of_worlds(dict.fromkeys(WORLDS, "normal"), dict.fromkeys(WORLDS, "uniform")),
    "infomec_explicitness": explicit((0.5, 0.5), _GAPS, "normal"),
}
HELD_OUT = {
    **_of_worlds(UNBOUNDED, BOUNDED),
    "infomec_explicitness": [
        *explicit((0.7, 0.3), {"rare": (0.7, 1.2), "rare and clear": (2.5, 0.7)}, "laplace"),
        *explicit((0.5, 0.3, 0.2), {"three kinds": (0.6, 1.7)}, "normal"),
    ],
}
