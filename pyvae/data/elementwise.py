"""Functions of single numbers whose bits depend on the number alone."""

import torch
from torch import Tensor
from torch.nn.functional import pad

VECTORS, PIECE = 64, 1 << 14
"""Numbers that fill torch's vectors on any processor, and ones that it does not divide between threads."""


def sigmoid(z: Tensor) -> Tensor:
    """That of each number, with the same bits wherever it lies: on the CPU torch computes what is left of a thread's
    share after whole vectors by another formula, so that an image would depend on how many are drawn with it.
    """
    if z.device.type != "cpu":
        return z.sigmoid()
    pieces = [pad(piece, (0, -len(piece) % VECTORS)).sigmoid()[: len(piece)] for piece in z.flatten().split(PIECE)]
    return torch.cat(pieces).view(z.shape)
