"""Biases of small factors beside the probabilities of their formulas, for tests."""

import pytest
import torch
from scipy import stats
from torch import Tensor

from pyvae.data import Factor
from pyvae.data.bias import Bias, Correlate, Remove, Resample, Shift, Skew

A, B, C = FACTORS = (Factor("a", 3, nominal=True), Factor("b", 4), Factor("c", 5))
GRID = torch.cartesian_prod(*(torch.arange(factor.size or 1) for factor in FACTORS))
CONTINUOUS = (Factor("y"), Factor("z"))


def normalised(p: Tensor) -> Tensor:
    return p / p.sum()


def resampled(p: Tensor, column: int, shares: list[float]) -> Tensor:
    """Each value's rows brought to its share, one by one."""
    out = p.clone()
    for value, share in enumerate(shares):
        rows = GRID[:, column] == value
        out[rows] *= share / sum(shares) / p[rows].sum()
    return out


a, b, c = GRID.double().unbind(-1)
EVEN = torch.full((len(GRID),), 1 / len(GRID), dtype=torch.float64)
SKEWED = normalised(torch.exp(2.0 * b / 3))
CASES: dict[str, tuple[Bias, Tensor]] = {
    "none": (Bias.none, EVEN),
    "skew": (Bias(Skew("b", 2.0)), SKEWED),
    "skew down": (Bias(Skew("c", -3.0)), normalised(torch.exp(-3.0 * c / 4))),
    "correlate": (Bias(Correlate("a", "c", 5.0)), normalised(torch.exp(-((a / 2 - c / 4) ** 2) * 25 / 2))),
    "anticorrelate": (Bias(Correlate("c", "b", -4.0)), normalised(torch.exp(-((c / 4 - 1 + b / 3) ** 2) * 16 / 2))),
    "remove": (Bias(Remove({"a": [1], "c": [0, 4]})), normalised(1.0 - ((a == 1) & ((c == 0) | (c == 4))).double())),
    "resample": (Bias(Resample("a", (1.0, 0.0, 3.0))), resampled(EVEN, 0, [1.0, 0.0, 3.0])),
    "skew, resample": (Bias(Skew("b", 2.0), Resample("b", (1, 1, 1, 2))), resampled(EVEN, 1, [1, 1, 1, 2])),
    "resample, skew": (
        Bias(Resample("b", (1, 1, 1, 2)), Skew("b", 2.0)),
        normalised(resampled(EVEN, 1, [1, 1, 1, 2]) * torch.exp(2.0 * b / 3)),
    ),
    "correlate, resample": (
        Bias(Correlate("a", "c", 5.0), Skew("a", 1.0), Resample("c", (5, 4, 3, 2, 1))),
        resampled(normalised(torch.exp(-((a / 2 - c / 4) ** 2) * 25 / 2 + a / 2)), 2, [5, 4, 3, 2, 1]),
    ),
    "all linked": (
        Bias(Correlate("a", "c", 2.0), Correlate("b", "c", -1.0), Remove({"a": [0], "b": [0, 2], "c": [3]})),
        normalised(
            torch.exp(-((a / 2 - c / 4) ** 2) * 2 - (b / 3 - 1 + c / 4) ** 2 / 2)
            * (1.0 - ((a == 0) & ((b == 0) | (b == 2)) & (c == 3)).double())
        ),
    ),
}
cases = pytest.mark.parametrize(("bias", "p"), CASES.values(), ids=CASES)


def numbers(factors: Tensor) -> Tensor:
    """Of rows of GRID."""
    return (factors[..., 0] * 4 + factors[..., 1]) * 5 + factors[..., 2]


def is_drawn_from(found: Tensor, p: Tensor) -> bool:
    """Whether counts of numbers agree with probabilities, at one in a thousand, and none is of probability 0."""
    counts = torch.bincount(found.flatten(), minlength=len(p))
    some = p > 0
    if counts[~some].any():
        return False
    return float(stats.chisquare(counts[some].numpy(), (p[some] * found.numel()).numpy()).pvalue) > 1e-3


EVERY = Bias(
    Skew("b", 2.0),
    Shift("*", 1.0),
    Correlate("a", "c", -5.0),
    Remove({"a": [2, 0], "b": [1]}),
    Resample("c", (1, 2.5)),
    name="all of them",
)
