"""squared_mmd in plain torch by chunks of rows, for what its kernels do not serve.

A chunk's differences are one tensor [..., rows, points, D] of a bounded size, so that memory is linear in the points
where autograd keeps none of it.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

RBF, IMQ = 0, 1
"""The kernels' numbers, those of csrc/math/kernels.h."""

_NUMBERS = 2**22
"""Of a chunk's differences: a few tensors of 16 MB."""


def squared_mmd_of_pairs(x: Tensor, y: Tensor, kernel: int, scales: Sequence[float]) -> Tensor:
    """The statistic [...], differentiable any number of times; what autograd keeps is quadratic in the points."""
    value = x.new_zeros(())
    within_x, within_y, between = _weights(x, y)
    for left, right, weight, same in ((x, x, within_x, True), (y, y, within_y, True), (x, y, between, False)):
        for rows, first in _chunks(left, right):
            kernels, _ = _kernel(_distances(rows, right, first, same)[1], kernel, scales)
            value = value + weight * kernels.sum((-2, -1))
    return value


def scores_of_pairs(
    x: Tensor, y: Tensor, kernel: int, scales: Sequence[float], of_x: bool, of_y: bool
) -> tuple[Tensor, Tensor]:
    """The statistic's derivatives in x [..., n, D] and y [..., m, D]; of no points where they are not wanted."""
    within_x, within_y, between = _weights(x, y)
    score_x, score_y = x[..., :0, :], y[..., :0, :]
    # A pair within a sample stands in both orders: twice what row i has of it.
    if of_x:
        score_x = _slopes(x, x, 2 * within_x, True, kernel, scales) + _slopes(x, y, between, False, kernel, scales)
    if of_y:
        score_y = _slopes(y, y, 2 * within_y, True, kernel, scales) + _slopes(y, x, between, False, kernel, scales)
    return score_x.clone(), score_y.clone()


def _weights(x: Tensor, y: Tensor) -> tuple[float, float, float]:
    """Of an ordered pair of different points of x, of y, and of a point of each."""
    n, m = x.shape[-2], y.shape[-2]
    return 1 / (n * (n - 1)), 1 / (m * (m - 1)), -2 / (n * m)


def _chunks(left: Tensor, right: Tensor) -> Iterator[tuple[Tensor, int]]:
    """Rows of `left` whose differences from all of `right` fit a chunk, and the number of the first of them."""
    step = max(1, _NUMBERS // max(1, right.numel()))
    for first in range(0, left.shape[-2], step):
        yield left[..., first : first + step, :], first


def _distances(rows: Tensor, right: Tensor, first: int, same: bool) -> tuple[Tensor, Tensor]:
    """Differences [..., rows, points, D] and their squared lengths: infinite, which has no weight, of a point from
    itself.
    """
    apart = rows.unsqueeze(-2) - right.unsqueeze(-3)
    r2 = apart.square().sum(-1)
    if not same:
        return apart, r2
    row = torch.arange(first, first + rows.shape[-2], device=rows.device)
    own = row.unsqueeze(-1) == torch.arange(right.shape[-2], device=rows.device)
    return apart, r2.masked_fill(own, math.inf)


def _kernel(r2: Tensor, kernel: int, scales: Sequence[float]) -> tuple[Tensor, Tensor]:
    """The mean kernel of squared distances, and its derivative in them."""
    value, derivative = torch.zeros_like(r2), torch.zeros_like(r2)
    for scale in scales:
        of_scale = torch.exp(-r2 / scale) if kernel == RBF else 1 / (1 + r2 / scale)
        slope = of_scale if kernel == RBF else of_scale * of_scale
        value, derivative = value + of_scale, derivative - slope / scale
    return value / len(scales), derivative / len(scales)


def _slopes(left: Tensor, right: Tensor, weight: float, same: bool, kernel: int, scales: Sequence[float]) -> Tensor:
    """weight sum_j dk / dx_i over the points of `right`, for every row of `left`."""
    slopes = []
    for rows, first in _chunks(left, right):
        apart, r2 = _distances(rows, right, first, same)
        _, derivative = _kernel(r2, kernel, scales)
        slopes.append((2 * weight) * (derivative.unsqueeze(-1) * apart).sum(-2))
    return torch.cat(slopes, -2)
