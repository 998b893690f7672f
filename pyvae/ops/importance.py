"""Importance weights w_i = p_unbiased(x_i) / p_biased(x_i) of a minibatch, and what they make of estimators' weights.

Only their ratios count: the data set's total weight W is dataset_size times the minibatch's mean weight, so that
weights known up to a factor serve, and no weight exceeds W.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyvae.ops.arguments import can_be_read, short_name


class Importance(NamedTuple):
    """Natural logarithms: `columns` [..., M], what each posterior weighs more than the mean; of the estimator
    "balanced", in place of math/estimators.h's ratio, `own_ratios` [..., M], what a row's own posterior weighs beside
    the others, and `rows` [..., M], to be added to the row's densities.
    """

    columns: Tensor
    own_ratios: Tensor | None
    rows: Tensor | None

    def of_posteriors(self, shape: torch.Size, dtype: torch.dtype) -> "Importance":
        """For posteriors [..., M] of this shape, in the dtype of the arithmetic."""
        columns = self.columns.to(dtype).expand(shape)
        own_ratios, rows = (None if t is None else t.to(dtype).expand(shape) for t in self[1:])
        return Importance(columns, own_ratios, rows)


def checked_log_weights(log_weights: Any, device: torch.device, items: int) -> Tensor:
    """`log_weights` [..., M] in float64, which no gradient reaches.

    Raises:
        TypeError: for what is no floating tensor.
        ValueError: for another device or number of items, and, where reading them costs nothing (eager calls on the
            CPU), for NaN, +inf and a minibatch without a weight above 0.
    """
    if not isinstance(log_weights, Tensor) or not log_weights.is_floating_point():
        kind = short_name(log_weights.dtype) if isinstance(log_weights, Tensor) else type(log_weights).__name__
        raise TypeError(f"log_weights must be a floating tensor, got {kind}.")
    if log_weights.device != device:
        raise ValueError(f"log_weights must be on the device of what they weigh, {device}, got {log_weights.device}.")
    if log_weights.dim() < 1 or log_weights.shape[-1] != items:
        raise ValueError(f"log_weights must have the shape [..., M] with M = {items}, got {list(log_weights.shape)}.")
    # The largest of each minibatch is NaN or +inf where one is, and -inf where all are.
    if can_be_read(log_weights) and not bool(log_weights.amax(-1).isfinite().all()):
        raise ValueError(
            "log_weights must be below +inf, not NaN, and not all -inf in a minibatch, got others: -inf leaves a point "
            "out."
        )
    return log_weights.detach().double()


def fitted_log_weights(
    log_weights: Any, mu: Tensor, logvar: Tensor, estimator: str, method: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Of minibatch_log_density's arguments the log weights [..., M], and mu and logvar [..., M, D] with the leading
    axes that these add to theirs.

    Raises:
        TypeError, ValueError: as `checked_log_weights`, and ValueError for the estimator "mss" and leading axes that do
            not broadcast.
        NotImplementedError: for the method "gridded".
    """
    if estimator == "mss":
        raise ValueError(
            "log_weights must be None for estimator 'mss', whose weights go by places in the minibatch: use 'balanced'."
        )
    if method == "gridded":
        raise NotImplementedError("log_weights must be None for method 'gridded': use 'auto' or 'exact'.")
    log_weights = checked_log_weights(log_weights, mu.device, mu.shape[-2])
    try:
        leading = torch.broadcast_shapes(mu.shape[:-2], log_weights.shape[:-1])
    except RuntimeError:
        raise ValueError(
            f"log_weights must have leading axes that broadcast with mu's {list(mu.shape[:-2])}, got "
            f"{list(log_weights.shape[:-1])}."
        ) from None
    return log_weights, mu.expand(*leading, *mu.shape[-2:]), logvar.expand(*leading, *mu.shape[-2:])


def relative_log_weights(log_weights: Tensor) -> Tensor:
    """log(w_i / mean w) over the last axis: 0 for equal weights, exactly."""
    return _relative(log_weights)[0]


def _relative(log_weights: Tensor) -> tuple[Tensor, Tensor]:
    """log(w_i / mean w), and w_i / max w."""
    below = log_weights - log_weights.amax(-1, keepdim=True)
    weights = below.exp()
    return below - weights.mean(-1, keepdim=True).log(), weights


def relative_weights(log_weights: Tensor, like: Tensor) -> Tensor:
    """w_i / mean w over the last axis [..., M] in the dtype of terms [..., M]: the mean of products with them is
    sum_i w_i t_i / sum_i w_i.

    Raises TypeError and ValueError as `checked_log_weights`, and for weights that have more axes than the terms.
    """
    checked = checked_log_weights(log_weights, like.device, like.shape[-1])
    fits = len(checked.shape) <= len(like.shape) and all(
        mine in (1, theirs) for mine, theirs in zip(reversed(checked.shape), reversed(like.shape), strict=False)
    )
    if not fits:
        raise ValueError(
            f"log_weights must broadcast to the shape of the terms, {list(like.shape)}, got {list(checked.shape)}."
        )
    return relative_log_weights(checked).exp().to(like.dtype)


def importance_of(log_weights: Tensor, estimator: str, dataset_size: int) -> Importance:
    """What the weights of pairs become where posterior j counts w_j, of float64 `log_weights` [..., M].

    With W = N mean w: "full" w_j / (M mean w), "mws" w_j / (M W), "balanced" w_i / W for the own posterior and
    (W - w_i) / W * w_j / sum_{k != i} w_k for the others; where no other has a weight, 1 for the own.
    """
    columns, weights = _relative(log_weights)
    if estimator != "balanced":
        return Importance(columns, None, None)
    items = log_weights.shape[-1]
    # The sum of the others without a difference of two sums that may be nearly equal: of the largest weight, 1, it is
    # the sum of the rest; of any other it has 1 in it.
    rest = weights.scatter(-1, weights.argmax(-1, keepdim=True), 0.0).sum(-1, keepdim=True)
    others = rest + (1 - weights)
    # W - w_i, again without a difference: W is N / M times the sum.
    left = (dataset_size / items) * others + (dataset_size / items - 1) * weights
    alone = others == 0
    own_ratios = (others / left).log().masked_fill(alone, 0.0)
    log_pair, equal = _logs_of_equal(items, dataset_size, log_weights)
    # The own posterior's weight is all there is: whatever its column and the shared weight make of it goes.
    rows = torch.where(alone, -columns - log_pair, equal - own_ratios)
    return Importance(columns, own_ratios, rows)


def _logs_of_equal(items: int, dataset_size: int, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
    """Of "balanced" without weights, from math/estimators.h: the logarithms of the weight that all pairs share and of
    what the own posterior's is relative to it.
    """
    if items == 1:
        return 0.0, 0.0
    if not torch.compiler.is_compiling():
        log_pair = math.log((dataset_size - 1) / dataset_size) - math.log(items - 1)
        return log_pair, -math.log(dataset_size) - log_pair
    size = like.new_full((), dataset_size)  # may be open there: a tensor's logarithm can be traced
    log_pair_of_open = ((size - 1) / size).log() - math.log(items - 1)
    return log_pair_of_open, -size.log() - log_pair_of_open
