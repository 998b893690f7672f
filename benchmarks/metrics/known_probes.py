"""Scores of probes whose truth is known: the best classifier, map or tree of the codes can be told by hand."""

import itertools
import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from benchmarks.metrics.coverage import Known, Problem
from pyvae.metrics import Codes, Factors

Array = npt.NDArray[np.float64]

ROWS = 3000
GAPS: dict[str, tuple[float, ...]] = {"faint": (0.5, 1.0, 1.5), "clear": (2.0, 3.0), "one of each": (0.5, 2.0, 4.0)}


def normal_cdf(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def problems(draw: Callable[..., Known], given: dict[str, tuple[float, ...]]) -> list[Problem]:
    return [Problem(name, lambda seed, one=one: draw(one, seed)) for name, one in given.items()]


# --- Bits, each with a latent of normal noise -------------------------------------------------------------------------


def bits(gaps: tuple[float, ...], truth: Callable[[float], float]) -> Callable[[int], Known]:
    """Whose means lie a gap of standard deviations apart; the score in truth is the mean of each bit's."""

    def draw(seed: int) -> Known:
        rng = np.random.default_rng(seed)
        values = rng.integers(2, size=(ROWS, len(gaps)))
        codes = values * np.array(gaps) + rng.normal(size=values.shape)
        return Known(Codes(codes), Factors(values), float(np.mean([truth(gap) for gap in gaps])))

    return draw


def of_bits(truth: Callable[[float], float]) -> list[Problem]:
    return [Problem(name, bits(gaps, truth)) for name, gaps in GAPS.items()]


# --- Amounts, each with a latent of normal noise ----------------------------------------------------------------------


def amounts(stds: tuple[float, ...], seed: int) -> Known:
    """R^2 = 1 / (1 + s^2)."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(ROWS, len(stds)))
    codes = values + np.array(stds) * rng.normal(size=values.shape)
    return Known(Codes(codes), Factors(values), float(np.mean(1 / (1 + np.square(stds)))))


def gaps_of_correlations(stds: tuple[float, ...], seed: int) -> Known:
    """A latent of each amount with its noise, and one of all amounts: squared correlations 1 / (1 + s^2) and 1 / K."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(ROWS, len(stds)))
    codes = values + np.array(stds) * rng.normal(size=values.shape)
    every = values.sum(1, keepdims=True)
    gaps = np.abs(1 / (1 + np.square(stds)) - 1 / len(stds))
    return Known(Codes(np.concatenate([codes, every], 1)), Factors(values), float(gaps.mean()))


# --- Two bits that depend on each other, each with a latent that is flipped -------------------------------------------

CELLS = np.array(list(itertools.product((0, 1), repeat=4)))  # v_1, v_2, z_1, z_2


@cache
def shares_of_cells(same: float, flips: tuple[float, float]) -> Array:
    """P(v_1, v_2, z_1, z_2), where v_2 is v_1 with the probability `same`."""
    v1, v2, z1, z2 = CELLS.T
    each = [np.where(z == v, 1 - flip, flip) for z, v, flip in ((z1, v1, flips[0]), (z2, v2, flips[1]))]
    return 0.5 * np.where(v1 == v2, same, 1 - same) * each[0] * each[1]


@cache
def importance(same: float, flips: tuple[float, float]) -> Array:
    """R [2, 2] of the tree that splits by the better latent first and by the other then."""
    p = shares_of_cells(same, flips)

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


def accuracy(same: float, flips: tuple[float, float]) -> float:
    """Of the best guess of each bit from both latents."""
    p = shares_of_cells(same, flips)
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


WORLDS = {"rarely flipped": (0.8, 0.05, 0.1), "often": (0.7, 0.2, 0.15), "unequal": (0.75, 0.02, 0.15)}


def trees(truth: Callable[[float, tuple[float, float]], float]) -> list[Problem]:
    def draw(world: tuple[float, ...], seed: int) -> Known:
        same, flips = world[0], (world[1], world[2])
        rows = np.random.default_rng(seed).choice(len(CELLS), p=shares_of_cells(same, flips), size=ROWS)
        return Known(Codes(CELLS[rows, 2:].astype(float)), Factors(CELLS[rows, :2]), truth(same, flips))

    return problems(draw, WORLDS)


# --- Few rows ---------------------------------------------------------------------------------------------------------


def one_row(gaps: tuple[float, ...], seed: int) -> Known:
    """From one row a classifier knows one class, and is right for half of the others."""
    known = bits(gaps, lambda gap: normal_cdf(gap / 2))(seed)
    return known._replace(truth=0.5 / known.truth)


PROBLEMS: dict[str, list[Problem]] = {
    "downstream_accuracy": of_bits(lambda gap: normal_cdf(gap / 2)),
    "explicitness": of_bits(lambda gap: normal_cdf(gap / math.sqrt(2))),
    "statistical_efficiency": [problem._replace(options={"few": 1}) for problem in problems(one_row, GAPS)],
    "linear_r2": problems(amounts, {"clean": (0.1, 0.3), "noisy": (0.5, 1.0, 2.0)}),
    "sap": [
        *of_bits(lambda gap: normal_cdf(gap / 2) - 0.5),
        *problems(gaps_of_correlations, {"clean amounts": (0.1, 0.3, 0.5), "noisy amounts": (0.5, 1.0, 0.8)}),
    ],
    "dci_disentanglement": trees(lambda same, flips: concentration(importance(same, flips))),
    "dci_completeness": trees(lambda same, flips: concentration(importance(same, flips).T)),
    "dci_informativeness": trees(accuracy),
}
