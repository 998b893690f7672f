"""The values of one column of a table and the number, the label, of each."""

from typing import NamedTuple

import torch
from torch import Tensor

_SHOWN = 8
"""Values at most that an error lists."""


class Column(NamedTuple):
    """The different values [V] of a factor's column, in ascending order, and the label of each, int64 [V]."""

    name: str
    values: Tensor
    labels: Tensor

    def labels_of(self, values: Tensor) -> Tensor:
        """The labels of values [...], int64 [...] on their device. Raises ValueError for values that no row has."""
        kind = torch.float64 if values.is_floating_point() or self.values.is_floating_point() else torch.int64
        known, asked = self.values.to(values.device, kind), values.to(kind).contiguous()
        places = torch.searchsorted(known, asked).clamp_(max=len(known) - 1)
        missing = known[places] != asked  # a NaN, too
        if bool(missing.any()):
            raise ValueError(
                f"values must be ones that the data have for {self.name}, {self._listed()}, got "
                f"{values[missing][0].item():g}"
            )
        return self.labels.to(values.device)[places]

    def _listed(self) -> str:
        if len(self.values) > _SHOWN:
            return f"{len(self.values)} from {self.values[0].item():g} to {self.values[-1].item():g}"
        return ", ".join(f"{value:g}" for value in self.values.tolist())


def column_of(name: str, values: Tensor, labels: Tensor) -> Column | None:
    """Of the values [N] and labels [N] of all rows; None where each value is its own label.

    Raises ValueError where one value has two labels.
    """
    if torch.equal(values.double(), labels.double()):
        return None
    found, places = values.unique(return_inverse=True)
    numbers = torch.zeros(len(found), dtype=torch.int64, device=values.device)
    numbers[places] = labels.to(torch.int64)
    if not torch.equal(numbers[places], labels.to(torch.int64)):
        raise ValueError(f"labels must be equal where values are, got two for one value of {name}")
    return Column(name, found, numbers)
