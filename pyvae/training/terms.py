"""What an objective is given at a step, and what training follows of it."""

from typing import NamedTuple

import torch
from torch import Tensor

from pyvae.losses import Terms


class Seeds(NamedTuple):
    """Seeds [K] of a step: of the sampled codes, and of what an objective draws."""

    codes: Tensor
    objective: Tensor


def batch_means(terms: Terms) -> Tensor:
    """Means over the batch, [T, K], in the order of `Recipe.terms`, the loss last; without gradients."""
    values = terms._asdict()
    loss = values.pop("loss")
    return torch.stack([value.detach() for value in (*values.values(), loss)]).mean(-1)
