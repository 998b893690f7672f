"""The joint distribution of factors that changes make of the unbiased one, as logarithms, and its ratio to that.

Independent factors that no change links stay independent: each group of linked ones has a table of its own. The rows of
a table of labels are one group, whatever its factors are.
"""

import functools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pyvae.data.bias.changes import Change, Known, Shift
from pyvae.data.bias.column import Column
from pyvae.data.data_set import Factor

LARGEST = 2**26
"""Combinations of linked factors: half a GB of logarithms."""

Changes = tuple[Change, ...]


class Joint(NamedTuple):
    """Of linked factors: which they are, their sizes, and log p of each combination [C], the last factor fastest."""

    axes: tuple[int, ...]
    sizes: tuple[int, ...]
    log_p: Tensor


class GridDistribution:
    """Of independent factors, each uniform or N(0, 1) where nothing changes it: independent `joints`, and the means
    [F] of continuous factors.
    """

    def __init__(self, factors: tuple[Factor, ...], changes: Changes) -> None:
        known = known_by_name(factors)
        groups = _linked(factors, [change.named(known) for change in changes])
        self.factors = factors
        self.means = torch.zeros(len(factors), dtype=torch.float64)
        for shift in changes:
            if isinstance(shift, Shift):
                for name in shift.shifted(known):
                    self.means[list(known).index(name)] += shift.by
        self.joints = [_joint(axes, factors, known, changes) for axes in groups]

    def log_weights(self, values: Tensor) -> Tensor:
        """log p0 - log p of values [..., F], infinite where p is 0: float64 [...]."""
        means, z = self.means.to(values.device), values.double()
        # log N(z; 0, 1) - log N(z; m, 1); z may be anything where the mean is 0.
        out = torch.where(means == 0, 0.0, means * (means / 2 - z)).sum(-1)
        for joint in self._changed():
            places = _places(values, joint.axes, joint.sizes, self.factors)
            out = out - math.log(len(joint.log_p)) - joint.log_p.to(values.device)[places]
        return out

    def effective_share(self) -> float:
        """(E w)² / E w² over the biased distribution."""
        log_share = -float(self.means.square().sum())
        for joint in self._changed():
            log_share += _log_effective_share(joint.log_p)
        return math.exp(log_share)

    def _changed(self) -> Iterator[Joint]:
        return (joint for joint in self.joints if not is_uniform(joint.log_p))


class TableDistribution:
    """Of the rows of a table, all as likely where nothing changes them: log p of each row [N].

    What rows weigh depends on the factors that changes name alone, and is kept for each combination of these.
    """

    def __init__(
        self, factors: tuple[Factor, ...], labels: Tensor, changes: Changes, columns: Sequence[Column | None]
    ) -> None:
        known = known_by_name(factors)
        names = {name for change in changes for name in change.named(known)}
        if any(isinstance(change, Shift) for change in changes):
            raise ValueError("bias shifts the mean of N(0, 1) factors, and those of a table are labels")
        self.factors, self._columns = factors, columns
        self.axes = tuple(k for k, factor in enumerate(factors) if factor.name in names)
        self.sizes = tuple(factors[axis].size or 1 for axis in self.axes)
        _check_count(self.axes, factors)
        named = {factors[axis].name: labels[:, axis] for axis in self.axes}
        self.log_p = _changed(torch.zeros(len(labels), dtype=torch.float64), named, known, changes)
        self._log_w = torch.full((math.prod(self.sizes),), math.nan, dtype=torch.float64)
        log_w = torch.zeros_like(self.log_p) if is_uniform(self.log_p) else -math.log(len(labels)) - self.log_p
        self._log_w[_places(labels, self.axes, self.sizes, factors)] = log_w

    def log_weights(self, values: Tensor) -> Tensor:
        """log p0 - log p of rows with the values [..., F], infinite where p is 0, NaN where there is none: float64
        [...].
        """
        labels = values.to(torch.float64, copy=True)
        for axis in self.axes:
            if column := self._columns[axis]:
                labels[..., axis] = column.labels_of(values[..., axis]).double()
        return self._log_w.to(values.device)[_places(labels, self.axes, self.sizes, self.factors)]

    def effective_share(self) -> float:
        """(E w)² / E w² over the biased distribution."""
        return math.exp(_log_effective_share(self.log_p))


@functools.lru_cache(maxsize=64)
def grid_distribution(factors: tuple[Factor, ...], changes: Changes) -> GridDistribution:
    """As GridDistribution, made once for equal factors and changes."""
    return GridDistribution(factors, changes)


def known_by_name(factors: Sequence[Factor]) -> Known:
    """Factors by name. Raises ValueError for a name that two have."""
    known = {factor.name: factor for factor in factors}
    if len(known) != len(factors):
        raise ValueError(f"factors must have different names, got {', '.join(factor.name for factor in factors)}")
    return known


def _linked(factors: tuple[Factor, ...], links: Sequence[tuple[str, ...]]) -> list[tuple[int, ...]]:
    """Groups of finite factors that links join, each in ascending order."""
    groups = [{factor.name} for factor in factors if factor.size is not None]
    for link in links:
        met = [group for group in groups if group & set(link)]
        groups = [group for group in groups if not group & set(link)] + ([set[str]().union(*met)] if met else [])
    named = [tuple(k for k, factor in enumerate(factors) if factor.name in group) for group in groups]
    return sorted(named)


def _joint(axes: tuple[int, ...], factors: tuple[Factor, ...], known: Known, changes: Changes) -> Joint:
    sizes = tuple(factors[axis].size or 1 for axis in axes)
    names = [factors[axis].name for axis in axes]
    count = _check_count(axes, factors)
    mine = tuple(change for change in changes if set(change.named(known)) & set(names))
    places, columns = torch.arange(count), {}
    for name, size in zip(reversed(names), reversed(sizes), strict=True):
        columns[name] = places % size
        places = places // size
    return Joint(axes, sizes, _changed(torch.zeros(count, dtype=torch.float64), columns, known, mine))


def _check_count(axes: tuple[int, ...], factors: tuple[Factor, ...]) -> int:
    """How many combinations there are. Raises ValueError for too many."""
    count = math.prod(factors[axis].size or 1 for axis in axes)
    if count > LARGEST:
        names = ", ".join(factors[axis].name for axis in axes)
        raise ValueError(f"bias must link factors of at most {LARGEST} combinations, got {count} of {names}")
    return count


def _places(values: Tensor, axes: tuple[int, ...], sizes: tuple[int, ...], factors: tuple[Factor, ...]) -> Tensor:
    """The numbers of the combinations that some of the values [..., F] make, the last factor fastest."""
    place = torch.zeros(values.shape[:-1], dtype=torch.int64, device=values.device)
    for axis, size in zip(axes, sizes, strict=True):
        value = values[..., axis].long()
        outside = (value != values[..., axis]) | (value < 0) | (value >= size)
        if bool(outside.any()):
            raise ValueError(
                f"values must be whole numbers from 0 to {size - 1} for {factors[axis].name}, got "
                f"{values[..., axis][outside][0].item():g}"
            )
        place = place * size + value
    return place


def _changed(log_p: Tensor, columns: dict[str, Tensor], known: Known, changes: Changes) -> Tensor:
    """Normalised. Raises ValueError where nothing is left, and where strengths are beyond float64 together."""
    for change in changes:
        log_p = change.applied(log_p, columns, known)
        if not bool((log_p > -math.inf).any()):
            raise ValueError(f"bias must leave a combination of {', '.join(columns)}, and after {change} none is left")
        if not bool((log_p < math.inf).all()):  # nor NaN
            raise ValueError(
                f"bias must add up to finite strengths for {', '.join(columns)}, and after {change} it does not"
            )
    return log_p - log_p.logsumexp(0)


def is_uniform(log_p: Tensor) -> bool:
    """Whether all combinations are as likely."""
    return bool((log_p == log_p[0]).all())


def _log_effective_share(log_p: Tensor) -> float:
    """log of (Σ p0)² / Σ p0² / p over the support, for uniform p0."""
    kept = log_p[log_p > -math.inf]
    log_p0 = -math.log(len(log_p))
    return float(2 * (math.log(len(kept)) + log_p0) - (2 * log_p0 - kept).logsumexp(0))
