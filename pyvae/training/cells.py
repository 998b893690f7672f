"""A cell is one model of the study; its random streams depend on the cell alone, never on its neighbours."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pyvae.studies.config import StudyConfig


@dataclass(frozen=True)
class Cell:
    """One model: training bias, KL weight and repetition."""

    mu: float
    beta: float
    seed: int


def cells(config: StudyConfig) -> tuple[Cell, ...]:
    """Every (mu, beta, seed) of the study; seeds vary slowest, betas fastest."""
    return tuple(Cell(mu, beta, seed) for seed in config.seeds for mu in config.mus for beta in config.betas)


def stream(cells: Sequence[Cell], purpose: str, *, shared_across_betas: bool = False) -> Tensor:
    """64-bit seeds [K] (int64), one per cell, for a purpose such as "pixel noise".

    The seed is a hash of (purpose, mu, beta, seed). Counter-based generators take base + step as the seed of
    a step. With `shared_across_betas` the cells that differ in beta only share a stream (held-out data).
    """
    keys = [_key(cell, purpose, shared_across_betas) for cell in cells]
    return torch.from_numpy(np.array(keys, dtype=np.uint64).view(np.int64))


def _key(cell: Cell, purpose: str, shared_across_betas: bool) -> np.uint64:
    beta = -1.0 if shared_across_betas else cell.beta  # no cell has a negative beta
    numbers = struct.unpack("<4I", struct.pack("<2d", cell.mu, beta))
    entropy = (zlib.crc32(purpose.encode()), *numbers, cell.seed)
    return np.uint64(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0])
