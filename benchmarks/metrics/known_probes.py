"""Scores of probes whose truth is known: the best classifier, map or tree of the codes can be told by hand."""

import itertools
import math
from collections.abc import Callable
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from benchmarks.metrics.coverage import Known, Problem
from benchmarks.metrics.worlds import NOISES
from pyvae.metrics import Codes, Factors

Array = npt.NDArray[np.float64]

ROWS = 3000
GAPS: dict[str, tuple[float, ...]] = {"faint": (0.5, 1.0, 1.5), "clear": (2.0, 3.0), "one of each": (0.5, 2.0, 4.0)}


def normal_cdf(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def problems(draw: Callable[..., Known], given: dict[str, tuple[float, ...]]) -> list[Problem]:
    return [Problem(name, lambda seed, one=one: draw(one, seed)) for name, one in given.items()]


# --- Bits, each with a latent of normal noise -------------------------------------------------------------------------


def bits(
    gaps: tuple[float, ...],
    truth: Callable[[float], float],
    noise: str = "normal",
    shares: tuple[float, ...] = (0.5, 0.5),
) -> Callable[[int], Known]:
    """Whose means lie a gap of standard deviations apart; the score in truth is the mean of each bit's.

    With more shares than two they are kinds, whose means lie as far apart.
    """

    def draw(seed: int) -> Known:
        rng = np.random.default_rng(seed)
        values = rng.choice(len(shares), p=shares, size=(ROWS, len(gaps)))
        codes = values * np.array(gaps) + NOISES[noise].rvs(values.shape, random_state=rng)
        return Known(Codes(codes), Factors(values), float(np.mean([truth(gap) for gap in gaps])))

    return draw


def of_bits(truth: Callable[[float], float]) -> list[Problem]:
    return [Problem(name, bits(gaps, truth)) for name, gaps in GAPS.items()]


def of_kinds(name: str, truth: Callable[..., float], noise: str, shares: tuple[float, ...]) -> Problem:
    """Kinds with these shares and noise, and the truth of a gap with both."""
    return Problem(name, bits((0.7, 1.2, 2.5), cache(lambda gap: truth(gap, noise, shares)), noise, shares))


def densities(gap: float, noise: str, shares: tuple[float, ...]) -> tuple[Array, Array]:
    """P(v) p(z | v) dz [Z, V], and P(z' < z | v) [Z, V]."""
    found, means = NOISES[noise], gap * np.arange(len(shares))
    z = np.linspace(found.ppf(1e-9), found.ppf(1 - 1e-9) + means[-1], 20_001)
    return np.array(shares) * found.pdf(z[:, None] - means) * (z[1] - z[0]), found.cdf(z[:, None] - means)


def best_accuracy(gap: float, noise: str, shares: tuple[float, ...]) -> float:
    """Of the likeliest kind. Lines reach it for normal noise, and for two equal kinds whose noise has a mirror."""
    return float(densities(gap, noise, shares)[0].max(1).sum())


def area(gap: float, noise: str, shares: tuple[float, ...]) -> float:
    """Under the ROC curve of a bit: P(z of 0 < z of 1), whatever the bit's frequency."""
    density, below = densities(gap, noise, shares)
    return float((density[:, 1] * below[:, 0]).sum() / shares[1])


# --- Amounts, each with a latent of normal noise ----------------------------------------------------------------------


def amounts(stds: tuple[float, ...], seed: int, kinds: tuple[str, str] = ("normal", "normal")) -> Known:
    """R^2 = 1 / (1 + s^2), whatever the kinds of the amounts and of the noise."""
    values, noise = _drawn(kinds, len(stds), seed)
    truth = float(np.mean(1 / (1 + np.square(stds))))
    return Known(Codes(values + np.array(stds) * noise), Factors(values), truth)


def gaps_of_correlations(stds: tuple[float, ...], seed: int, kinds: tuple[str, str] = ("normal", "normal")) -> Known:
    """A latent of each amount with its noise, and one of all amounts: squared correlations 1 / (1 + s^2) and 1 / K."""
    values, noise = _drawn(kinds, len(stds), seed)
    codes = values + np.array(stds) * noise
    every = values.sum(1, keepdims=True)
    gaps = np.abs(1 / (1 + np.square(stds)) - 1 / len(stds))
    return Known(Codes(np.concatenate([codes, every], 1)), Factors(values), float(gaps.mean()))


def _drawn(kinds: tuple[str, str], count: int, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    values, noise = (NOISES[kind].rvs((ROWS, count), random_state=rng) for kind in kinds)
    return values, noise


# --- Two bits that depend on each other, each with a latent that is flipped -------------------------------------------

CELLS = np.array(list(itertools.product((0, 1), repeat=4)))  # v_1, v_2, z_1, z_2


@cache
def shares_of_cells(same: float, flips: tuple[float, float], often: float) -> Array:
    """P(v_1, v_2, z_1, z_2), where v_1 is 1 with the probability `often` and v_2 is v_1 with `same`."""
    v1, v2, z1, z2 = CELLS.T
    each = [np.where(z == v, 1 - flip, flip) for z, v, flip in ((z1, v1, flips[0]), (z2, v2, flips[1]))]
    return np.where(v1 == 1, often, 1 - often) * np.where(v1 == v2, same, 1 - same) * each[0] * each[1]


@cache
def importance(same: float, flips: tuple[float, float], often: float) -> Array:
    """R [2, 2] of the tree that splits by the better latent first and by the other then."""
    p = shares_of_cells(same, flips, often)

    def impurity(label: Array, *given: Array) -> float:
        left = 0.0
        for values in itertools.product((0, 1), repeat=len(given)):
            inside = np.all([z == value for z, value in zip(given, values, strict=True)], 0) if given else p > -1
            ones, total = p[inside & (label == 1)].sum(), p[inside].sum()
            left += total - (ones**2 + (total - ones) ** 2) / total
        return left

    out = np.zeros((2, 2))
    for k, label in enumerate(CELLS.T[:2]):
        first = min((0, 1), key=lambda d: impurity(label, CELLS.T[2 + d]))
        after_one = impurity(label, CELLS.T[2 + first])
        out[first, k] = impurity(label) - after_one
        out[1 - first, k] = after_one - impurity(label, CELLS.T[2], CELLS.T[3])
    return out / out.sum(0)


def accuracy(same: float, flips: tuple[float, float], often: float) -> float:
    """Of the best guess of each bit from both latents."""
    p = shares_of_cells(same, flips, often)
    right = []
    for label in CELLS.T[:2]:
        by_code = [[p[(label == v) & (CELLS[:, 2:] == z).all(1)].sum() for v in (0, 1)] for z in CELLS[:4, 2:]]
        right.append(sum(map(max, by_code)))
    return float(np.mean(right))


def concentration(matrix: Array) -> float:
    """The weighted mean over rows of 1 - H_2."""
    share = matrix / matrix.sum(1, keepdims=True)
    entropy = -(share * np.log2(np.maximum(share, 1e-300))).sum(1)
    return float(((1 - entropy) * matrix.sum(1)).sum() / matrix.sum())


# How often the bits are the same, how often each latent is flipped, and how often the first bit is 1.
WORLDS = {
    "rarely flipped": (0.8, 0.05, 0.1, 0.5),
    "often": (0.7, 0.2, 0.15, 0.5),
    "unequal": (0.75, 0.02, 0.15, 0.5),
}
HELD_OUT_WORLDS = {
    "rare": (0.7, 0.1, 0.05, 0.25),
    "frequent": (0.65, 0.03, 0.2, 0.7),
    "opposite": (0.2, 0.08, 0.12, 0.4),
}


def trees(
    truth: Callable[[float, tuple[float, float], float], float], worlds: dict[str, tuple[float, ...]]
) -> list[Problem]:
    def draw(world: tuple[float, ...], seed: int) -> Known:
        given = world[0], (world[1], world[2]), world[3]
        rows = np.random.default_rng(seed).choice(len(CELLS), p=shares_of_cells(*given), size=ROWS)
        return Known(Codes(CELLS[rows, 2:].astype(float)), Factors(CELLS[rows, :2]), truth(*given))

    return problems(draw, worlds)


# --- Few rows ---------------------------------------------------------------------------------------------------------


def one_row(gaps: tuple[float, ...], seed: int, noise: str = "normal", kinds: int = 2) -> Known:
    """From one row a classifier knows one class, and is right for one in `kinds` of the others."""
    shares = (1 / kinds,) * kinds
    known = bits(gaps, lambda gap: best_accuracy(gap, noise, shares), noise, shares)(seed)
    return known._replace(truth=1 / kinds / known.truth)


def few(noise: str, kinds: int, given: dict[str, tuple[float, ...]]) -> list[Problem]:
    of = partial(one_row, noise=noise, kinds=kinds)
    return [problem._replace(options={"few": 1}) for problem in problems(of, given)]


TREES: dict[str, Callable[[float, tuple[float, float], float], float]] = {
    "dci_disentanglement": lambda *of: concentration(importance(*of)),
    "dci_completeness": lambda *of: concentration(importance(*of).T),
    "dci_informativeness": accuracy,
}

PROBLEMS: dict[str, list[Problem]] = {
    "downstream_accuracy": of_bits(lambda gap: normal_cdf(gap / 2)),
    "explicitness": of_bits(lambda gap: normal_cdf(gap / math.sqrt(2))),
    "statistical_efficiency": few("normal", 2, GAPS),
    "linear_r2": problems(amounts, {"clean amounts": (0.1, 0.3), "noisy amounts": (0.5, 1.0, 2.0)}),
    "sap": [
        *of_bits(lambda gap: normal_cdf(gap / 2) - 0.5),
        *problems(gaps_of_correlations, {"clean amounts": (0.1, 0.3, 0.5), "noisy amounts": (0.5, 1.0, 0.8)}),
    ],
    **{name: trees(truth, WORLDS) for name, truth in TREES.items()},
}

_EVEN, _SKEWED, _THREE = (0.5, 0.5), (0.8, 0.2), (0.5, 0.3, 0.2)
_OF_KINDS = {"clean": (0.2, 0.4), "noisy": (0.7, 1.5, 0.9, 1.1)}

HELD_OUT: dict[str, list[Problem]] = {
    "downstream_accuracy": [
        of_kinds("heavy", best_accuracy, "laplace", _EVEN),
        of_kinds("rare", best_accuracy, "normal", _SKEWED),
        of_kinds("three kinds", best_accuracy, "normal", _THREE),
    ],
    "explicitness": [
        of_kinds("heavy", area, "laplace", _EVEN),
        of_kinds("rare", area, "skewed", _SKEWED),
        of_kinds("frequent", area, "student", _SKEWED[::-1]),
    ],
    "statistical_efficiency": [
        *few("laplace", 2, {"heavy": (0.8, 1.7)}),
        *few("normal", 4, {"four kinds": (0.5, 1.0, 2.0)}),
    ],
    "linear_r2": problems(partial(amounts, kinds=("skewed", "laplace")), _OF_KINDS),
    "sap": [
        of_kinds("heavy", lambda *of: best_accuracy(*of) - 0.5, "laplace", _EVEN),
        *problems(partial(gaps_of_correlations, kinds=("uniform", "skewed")), _OF_KINDS),
    ],
    **{name: trees(truth, HELD_OUT_WORLDS) for name, truth in TREES.items()},
}
