"""Training and validation curves: collected as numbers, saved as one table."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyvae.training.cells import Cell

SPLITS = ("train", "validation")


def finite_or_null(values: NDArray[np.float64]) -> pa.Array:
    """A column whose numbers that are not finite are null: readers of Parquet skip NaNs by statistics without them."""
    return pa.array(values, mask=~np.isfinite(values))


def _elbo(terms: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Of an objective without a KL, whose codes are deterministic, there is none."""
    if "kl" not in terms:
        return np.full_like(terms["reconstruction"], np.nan)
    return -(terms["reconstruction"] + terms["kl"])


class Curves:
    """Points of every model's curves; a block of points is a float64 tensor [K, 3 + T].

    Columns: place of the cell in the recipe, step, place of the split in SPLITS, the T terms (`Recipe.terms`).
    """

    def __init__(self, terms: Sequence[str], points: Tensor | None = None) -> None:
        self.terms = tuple(terms)
        self._blocks = [] if points is None else [points]

    def add(self, step: int, split: str, indices: Sequence[int], terms: Tensor) -> None:
        """One point for each model: terms [T, K] of the cells at `indices` after a step."""
        place = torch.tensor(indices, dtype=torch.float64)
        where = torch.tensor([step, SPLITS.index(split)], dtype=torch.float64).expand(len(indices), 2)
        self._blocks.append(torch.cat([place.unsqueeze(-1), where, terms.T.double()], dim=-1))

    def points(self) -> Tensor:
        """All points, [rows, 3 + T]; Curves(terms, points) continues from them."""
        return torch.cat(self._blocks) if self._blocks else torch.empty(0, 3 + len(self.terms), dtype=torch.float64)

    def last_step(self) -> int:
        """Step of the last training point; 0 before the first."""
        points = self.points()
        train = points[points[:, 2] == SPLITS.index("train"), 1]
        return int(train.max()) if len(train) else 0

    def not_finite(self) -> Tensor:
        """Places of the cells whose loss was not finite at their last training point, int64."""
        points = self.points()
        train = points[points[:, 2] == SPLITS.index("train")]
        last = {int(row[0]): bool(row[-1].isfinite()) for row in train}  # later points replace earlier ones
        return torch.tensor([place for place, finite in last.items() if not finite], dtype=torch.int64)

    def table(self, cells: Sequence[Cell], axes: tuple[str, str]) -> pa.Table:
        """Columns for the cells' bias and strength by the names in `axes`, seed, step, elbo, the terms, and split; rows
        by cell, split, step.

        Per image, in nats where the objective's terms are; null where a model has diverged;
        elbo = -(reconstruction + kl), without the likelihood's
        constant.
        """
        points = self.points().numpy()
        place, step, split, *values = points[np.lexsort(points.T[[1, 2, 0]])].T
        terms = dict(zip(self.terms, values, strict=True))
        rows = [cells[int(k)] for k in place]
        columns = {
            axes[0]: pa.array([cell.bias for cell in rows], pa.float64()),
            axes[1]: pa.array([cell.strength for cell in rows], pa.float64()),
            "seed": pa.array([cell.seed for cell in rows], pa.int64()),
            "step": pa.array(step.astype(np.int64)),
            "elbo": finite_or_null(_elbo(terms)),
            **{name: finite_or_null(value) for name, value in terms.items()},
            "split": pa.array([SPLITS[int(k)] for k in split], pa.string()),
        }
        return pa.table(columns)
