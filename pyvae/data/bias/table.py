"""Rows with labels, of which some combinations may be missing: the unbiased distribution has all rows as likely."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from pyvae.data.arguments import Numbers, tensor_of
from pyvae.data.bias.changes import Change
from pyvae.data.bias.column import Column, column_of
from pyvae.data.bias.distribution import TableDistribution
from pyvae.data.data_set import Factor, factors_from


class FactorTable:
    """The labels of N rows, such as the attributes of CelebA's faces, prepared for biases.

    Args:
        factors: names and sizes of the F columns.
        labels: whole numbers [N, F] from 0, below each factor's size; kept, not copied.
        values: what the rows have instead, [N, F], as years whose labels are their numbers: then weights are of these.
            Without it a value is its label.

    Tables are equal where they are the same object. Raises TypeError for what are no factors and numbers, ValueError
    for another shape, labels out of range, and a value with two labels.
    """

    def __init__(self, factors: Sequence[Factor], labels: Numbers, values: Numbers | None = None) -> None:
        self.factors, self.labels = factors_from("factors", factors), tensor_of("labels", labels)
        if self.labels.dim() != 2 or self.labels.shape[1] != len(self.factors) or not len(self.labels):
            raise ValueError(f"labels must have shape [N, {len(self.factors)}], got {list(self.labels.shape)}")
        for factor, column in zip(self.factors, self.labels.T, strict=True):
            whole = not column.is_floating_point() or bool((column == column.floor()).all())
            fits = factor.size is not None and bool(((column >= 0) & (column < factor.size)).all())
            if factor.size is not None and not (whole and fits):
                raise ValueError(f"labels must be whole numbers from 0 to {factor.size - 1} for {factor.name}")
        self.columns = self._columns(self.labels if values is None else tensor_of("values", values))

    def _columns(self, values: Tensor) -> tuple[Column | None, ...]:
        """Of each factor what finds labels, None where values are labels or the factor is continuous."""
        if values.shape != self.labels.shape:
            raise ValueError(f"values must have the labels' shape {list(self.labels.shape)}, got {list(values.shape)}")
        return tuple(
            None if factor.size is None else column_of(factor.name, column, labels)
            for factor, column, labels in zip(self.factors, values.T, self.labels.T, strict=True)
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is prepared."""
        return {"factors": self.factors, "labels": self.labels, "columns": self.columns}

    @functools.cached_property
    def once(self) -> Callable[..., Any]:
        """once(make, *arguments) is make(table, *arguments), made once for the latest equal arguments."""
        return functools.lru_cache(maxsize=64)(lambda make, *arguments: make(self, *arguments))

    def distribution(self, changes: tuple[Change, ...]) -> TableDistribution:
        """Of the rows after changes."""
        found: TableDistribution = self.once(_distribution, changes)
        return found


def _distribution(table: FactorTable, changes: tuple[Change, ...]) -> TableDistribution:
    return TableDistribution(table.factors, table.labels.cpu(), changes, table.columns)
