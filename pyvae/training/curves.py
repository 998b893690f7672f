"""Training and validation curves: collected as numbers, saved as one table."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from pyvae.training.cells import Cell

SPLITS = ("train", "validation")


class Curves:
    """Points of every model's curves; a block of points is a float64 tensor [K, 6].

    Columns: place of the cell in the study, step, place of the split in SPLITS, reconstruction, kl, loss.
    """

    def __init__(self, points: Tensor | None = None) -> None:
        self._blocks = [] if points is None else [points]

    def add(self, step: int, split: str, indices: Sequence[int], terms: Tensor) -> None:
        """One point for each model: terms [3, K] (chunk.TERMS) of the cells at `indices` after a step."""
        place = torch.tensor(indices, dtype=torch.float64)
        where = torch.tensor([step, SPLITS.index(split)], dtype=torch.float64).expand(len(indices), 2)
        self._blocks.append(torch.cat([place.unsqueeze(-1), where, terms.T.double()], dim=-1))

    def points(self) -> Tensor:
        """All points, [rows, 6]; Curves(points) continues from them."""
        return torch.cat(self._blocks) if self._blocks else torch.empty(0, 6, dtype=torch.float64)

    def table(self, cells: Sequence[Cell]) -> pa.Table:
        """Columns mu, beta, seed, step, elbo, reconstruction, kl, loss, split; rows by cell, split, step.

        Nats per image. elbo = -(reconstruction + kl), without the likelihood's constant.
        """
        points = self.points().numpy()
        place, step, split, reconstruction, kl, loss = points[np.lexsort(points.T[[1, 2, 0]])].T
        rows = [cells[int(k)] for k in place]
        columns = {
            "mu": pa.array([cell.mu for cell in rows], pa.float64()),
            "beta": pa.array([cell.beta for cell in rows], pa.float64()),
            "seed": pa.array([cell.seed for cell in rows], pa.int64()),
            "step": pa.array(step.astype(np.int64)),
            "elbo": pa.array(-(reconstruction + kl)),
            "reconstruction": pa.array(reconstruction),
            "kl": pa.array(kl),
            "loss": pa.array(loss),
            "split": pa.array([SPLITS[int(k)] for k in split], pa.string()),
        }
        return pa.table(columns)
