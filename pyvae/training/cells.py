"""A cell is one model of a study; its random streams depend on the cell alone, never on its neighbours."""

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Cell:
    """One model: the bias of its training data, the strength of its objective, and its repetition."""

    bias: float
    strength: float
    seed: int


def product(biases: Sequence[float], strengths: Sequence[float], seeds: Sequence[int]) -> tuple[Cell, ...]:
    """Every combination; seeds vary slowest, strengths fastest."""
    return tuple(Cell(bias, strength, seed) for seed in seeds for bias in biases for strength in strengths)


def stream(cells: Sequence[Cell], purpose: str, *, shared_across_strengths: bool = False) -> Tensor:
    """64-bit seeds [K] (int64), one per cell, for a purpose such as "training pixels".

    The seed is a hash of (purpose, bias, strength, seed). Counter-based generators take base + step as the seed of
    a step. With `shared_across_strengths` the cells that differ in strength only share a stream (held-out data).
    """
    keys = [_key(cell, purpose, shared_across_strengths) for cell in cells]
    return torch.from_numpy(np.array(keys, dtype=np.uint64).view(np.int64))


def held_out_streams(cells: Sequence[Cell], purpose: str, names: Sequence[str]) -> Mapping[str, Tensor]:
    """A data set's seeds for images that are held out, the same for cells that differ in strength only."""
    return {name: stream(cells, f"{purpose} {name}", shared_across_strengths=True) for name in names}


def _key(cell: Cell, purpose: str, shared_across_strengths: bool) -> np.uint64:
    strength = -1.0 if shared_across_strengths else cell.strength  # no cell has a negative one
    numbers = struct.unpack("<4I", struct.pack("<2d", cell.bias, strength))
    entropy = (zlib.crc32(purpose.encode()), *numbers, cell.seed)
    return np.uint64(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0])
