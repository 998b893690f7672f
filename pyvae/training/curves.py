"""Training and validation curves: collected as numbers, saved as one table."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from pyvae.training.cells import Cell

SPLITS = ("train", "validation")


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

    def table(self, cells: Sequence[Cell], axes: tuple[str, str]) -> pa.Table:
        """Columns for the cells' bias and strength by the names in `axes`, seed, step, elbo, the terms, and split; rows
        by cell, split, step.

        Nats per image. elbo = -(reconstruction + kl), without the likelihood's constant.
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
            "elbo": pa.array(-(terms["reconstruction"] + terms["kl"])),
            **{name: pa.array(value) for name, value in terms.items()},
            "split": pa.array([SPLITS[int(k)] for k in split], pa.string()),
        }
        return pa.table(columns)
