"""Random factors, and random rows of a table, of K models, each with its own seed and its own bias; and their weights.

A uniform number of a model's stream finds the first value whose cumulative share exceeds it. The cumulative shares of
all tables stand one after the other in one ascending row, so that one search serves all factors of all models; they are
whole numbers of 2**-40, so that a model finds alone what it finds in a stack. Linked factors are one table, and take
two numbers: 12 bits of the first and 28 of the second, since 24 would favour some of a million combinations. What is
prepared for a stack of biases is kept for the next step.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pyvae.data.arguments import Numbers, check_whole, items_of, shown, tensor_of
from pyvae.data.bias.bias import Bias, Unbiased, factors_of_unbiased
from pyvae.data.bias.changes import Resample, finite
from pyvae.data.bias.distribution import grid_distribution, is_uniform, known_by_name
from pyvae.data.bias.table import FactorTable
from pyvae.data.data_set import Factor
from pyvae.ops import reparameterize

Biases = Bias | Sequence[Bias] | Mapping[str, Any] | None
"""One bias for all models, one for each, or, for some factors by name, weights of values [size] or [K, size]."""

_BITS, _COARSE, _FINE = 40, 12, 28
"""Of a cumulative share, and of the two numbers that find a combination."""


def draw_factors(factors: Sequence[Factor], count: int, seeds: Tensor, bias: Biases = None) -> Tensor:
    """Values [K, count, F] of independent factors, each uniform or N(0, 1), but for `bias`.

    Args:
        factors: names and sizes of the F factors.
        count: how many are drawn for each model.
        seeds: int64 [K], on the device where values are wanted; model k draws what it draws alone with seeds[k].
        bias: one for all models, one for each, or weights of values by name as `Resample` takes them, [size] or
            [K, size]; None is unbiased.

    Returns:
        int64 where every factor has a size, else float32.

    Raises TypeError and ValueError for a count that is no whole number of at least 1, ValueError for another number of
    biases than seeds, and as Bias.check.
    """
    check_whole(count=count)
    sampler = _grid_sampler(tuple(factors), biases_of(bias, factors, len(seeds)), seeds.device)
    return sampler.draw(count, seeds)


def draw_rows(table: FactorTable, count: int, seeds: Tensor, bias: Biases = None) -> Tensor:
    """Numbers of rows, int64 [K, count], with replacement, all as likely but for `bias`; else as `draw_factors`."""
    check_whole(count=count)
    tables: _Tables = table.once(_row_tables, biases_of(bias, table.factors, len(seeds)), seeds.device)
    zeros = torch.zeros(2, len(seeds), count, 1, dtype=torch.float64, device=seeds.device)
    uniform = torch.special.ndtr(reparameterize(*zeros.unbind(), seed=seeds))
    return tables.find((uniform * 2**_BITS).long()).squeeze(-1)


def means_of(factors: Sequence[Factor], biases: tuple[Bias, ...]) -> Tensor:
    """Means of continuous factors, float32 [K, F], on the CPU; kept for the next step."""
    return _means(tuple(factors), biases)


def biases_of(bias: Biases, factors: Sequence[Factor], models: int) -> tuple[Bias, ...]:
    """One for each of K models. Raises TypeError for other things and ValueError for another number."""
    if bias is None:
        return (Bias.none,) * models
    if isinstance(bias, Bias):
        return (bias,) * models
    if isinstance(bias, Mapping):
        return _of_weights(bias, factors, models)
    found = items_of(bias)
    if found is None or not all(isinstance(one, Bias) for one in found):
        raise TypeError(f"bias must be a Bias, one for each model, or None, got {shown(bias)}")
    if len(found) != models:
        raise ValueError(f"bias must be one for all or one for each of {models} models, got {len(found)}")
    return tuple(found)


def stacked_log_weights(factors: Numbers, unbiased: Unbiased, bias: Biases) -> Tensor:
    """log w, w = p_unbiased / p_biased, of factors [K, M, F] that K models drew: float64 [K, M], on their device.

    Args:
        factors: as `draw` of a data set gives them.
        unbiased: the data set, or what else Bias.log_weights takes.
        bias: what they were drawn by, one for all models or one for each; None is unbiased.

    Raises TypeError and ValueError as `draw` for biases, and as Bias.log_weights.
    """
    known, factors = factors_of_unbiased(unbiased), tensor_of("factors", factors)
    if factors.dim() != 3:
        raise ValueError(f"factors must have shape [K, M, {len(known)}], got {list(factors.shape)}")
    biases = biases_of(bias, known, len(factors))
    out = torch.empty(factors.shape[:-1], dtype=torch.float64, device=factors.device)
    for one in dict.fromkeys(biases):
        models = [k for k, other in enumerate(biases) if other == one]
        out[models] = one.log_weights(factors[models], unbiased)
    return out


class _Tables:
    """Tables that whole numbers look values up in: log probabilities, and `which` a model's factors have, [K, F]."""

    def __init__(self, log_p: Sequence[Tensor], which: Tensor, device: torch.device) -> None:
        sizes, even = torch.tensor([len(table) for table in log_p]), torch.tensor([_is_even(table) for table in log_p])
        # Where a column is uniform for all models a multiplication does; elsewhere the tables are searched.
        columns = (~even)[which].any(0).nonzero().flatten()
        searched, where = which[:, columns].unique(return_inverse=True)
        cumulative = [_cumulative(log_p[table]) for table in searched.tolist()]
        lasts = sizes - 1
        lasts[searched] = torch.tensor([int((block < 2**_BITS).sum()) for block in cumulative], dtype=torch.int64)
        self.sizes, self.lasts = sizes[which].unsqueeze(1).to(device), lasts[which].unsqueeze(1).to(device)
        self.columns = columns.to(device) if len(columns) else None
        self.base = (where << _BITS).unsqueeze(1).to(device)
        self.starts = (sizes[searched].cumsum(0) - sizes[searched])[where].unsqueeze(1).to(device)
        one_row = [block + (place << _BITS) for place, block in enumerate(cumulative)]
        self.one_row = torch.cat([torch.zeros(0, dtype=torch.int64), *one_row]).to(device)

    def find(self, numbers: Tensor) -> Tensor:
        """Values of whole numbers from 0 to 2**40, [K, count, F]; 2**40 finds the last value with a share."""
        found = (numbers * self.sizes) >> _BITS
        if self.columns is not None:
            queries = numbers.index_select(-1, self.columns) + self.base
            places = torch.searchsorted(self.one_row, queries, right=True) - self.starts
            found = found.index_copy_(-1, self.columns, places)
        return torch.minimum(found, self.lasts)


class _GridSampler:
    """Draws factors of K biases."""

    def __init__(self, factors: tuple[Factor, ...], biases: tuple[Bias, ...], device: torch.device) -> None:
        self.width, distinct = len(factors), list(dict.fromkeys(biases))
        self.continuous = torch.tensor([factor.size is None for factor in factors], device=device)
        self.any_continuous = any(factor.size is None for factor in factors)
        self.all_continuous = all(factor.size is None for factor in factors)
        self.means = means_of(factors, biases).unsqueeze(1).to(device)
        tables = [torch.zeros(1, dtype=torch.float64)]  # the first is of what looks up nothing itself
        rows = []  # of each bias: for each factor its table, the first and last factor of its group, stride and size
        for bias in distinct:
            row = torch.tensor([[0, f, f, 1, 1] for f in range(self.width)])
            for axes, sizes, log_p in grid_distribution(factors, bias.changes).joints:
                for place, (axis, size) in enumerate(zip(axes, sizes, strict=True)):
                    row[axis, 1:] = torch.tensor([axes[0], axes[-1], math.prod(sizes[place + 1 :]), size])
                row[axes[0], 0] = len(tables)
                tables.append(log_p)
            rows.append(row)
        number = {bias: place for place, bias in enumerate(distinct)}
        table = torch.stack(rows)[[number[bias] for bias in biases]]  # [K, F, 5]
        self.tables = _Tables(tables, table[..., 0], device)
        # Columns that are linked in any model; in the others they follow themselves alone.
        linked = (table[..., 1] != table[..., 2]).any(0).nonzero().flatten()
        self.linked = linked.to(device) if len(linked) else None
        self.first, self.last, self.stride, self.size = table[:, linked, 1:].unsqueeze(1).to(device).unbind(-1)

    def draw(self, count: int, seeds: Tensor) -> Tensor:
        zeros = torch.zeros(2, len(seeds), count, self.width, device=seeds.device)
        normal = reparameterize(*zeros.unbind(), seed=seeds)
        if not self.any_continuous:
            return self._values(normal)
        moved = normal + self.means
        return moved if self.all_continuous else torch.where(self.continuous, moved, self._values(normal))

    def _values(self, normal: Tensor) -> Tensor:
        uniform = torch.special.ndtr(normal)
        numbers = (uniform * 2**_BITS).long()
        if self.linked is None:
            return self.tables.find(numbers)
        mine, shape = numbers.index_select(-1, self.linked), (*numbers.shape[:-1], len(self.linked))
        coarse = (mine >> _FINE).clamp_(max=2**_COARSE - 1) << _FINE
        fine = numbers.gather(-1, self.last.expand(shape)) >> _COARSE
        alone = self.first == self.last
        found = self.tables.find(numbers.index_copy(-1, self.linked, torch.where(alone, mine, coarse + fine)))
        values = found.gather(-1, self.first.expand(shape)) // self.stride % self.size
        return found.index_copy(-1, self.linked, values)


@functools.lru_cache(maxsize=32)
def _grid_sampler(factors: tuple[Factor, ...], biases: tuple[Bias, ...], device: torch.device) -> _GridSampler:
    return _GridSampler(factors, biases, device)


def _row_tables(table: FactorTable, biases: tuple[Bias, ...], device: torch.device) -> _Tables:
    distinct = list(dict.fromkeys(biases))
    which = torch.tensor([[distinct.index(bias)] for bias in biases])
    return _Tables([table.distribution(bias.changes).log_p for bias in distinct], which, device)


@functools.lru_cache(maxsize=32)
def _means(factors: tuple[Factor, ...], biases: tuple[Bias, ...]) -> Tensor:
    return torch.stack([grid_distribution(factors, bias.changes).means for bias in biases]).float()


def _is_even(log_p: Tensor) -> bool:
    """Whether a multiplication draws from a table: all values are as likely, and products are 63-bit numbers."""
    return len(log_p) < 2 ** (63 - _BITS) and is_uniform(log_p)


def _cumulative(log_p: Tensor) -> Tensor:
    """Cumulative shares as whole numbers of 2**-40, the last one 2**40; of uniform ones those that a product finds."""
    if _is_even(log_p):
        return ((torch.arange(1, len(log_p) + 1) << _BITS) + len(log_p) - 1) // len(log_p)
    shares = log_p.exp().cumsum(0)
    cumulative: Tensor = (shares / shares[-1] * 2**_BITS).round().long()
    return cumulative


def _of_weights(bias: Mapping[str, Any], factors: Sequence[Factor], models: int) -> tuple[Bias, ...]:
    """Biases that resample each named factor."""
    known = known_by_name(factors)
    rows: list[list[Resample]] = [[] for _ in range(models)]
    for name, given in bias.items():
        size = finite("weigh", name, known)
        weights = tensor_of(f"bias of {name}", given).double().cpu()
        fitting = weights.shape in ((size,), (models, size))
        if not (fitting and bool((weights >= 0).all() & (weights.sum(-1) > 0).all())):
            raise ValueError(
                f"bias must hold {size} weights of at least 0 with a positive sum for {name}, or a row of them for "
                f"each of {models} models, got {shown(weights.tolist())} of shape {list(weights.shape)}"
            )
        for row, shares in zip(rows, weights.expand(models, -1).tolist(), strict=True):
            row.append(Resample(name, tuple(shares)))
    return tuple(Bias(*row) for row in rows)
