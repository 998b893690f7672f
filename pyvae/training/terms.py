"""What training follows of an objective."""

import torch
from torch import Tensor

from pyvae.losses import Terms


def batch_means(terms: Terms) -> Tensor:
    """Means over the batch, [T, K], in the order of `Recipe.terms`, the loss last; without gradients."""
    values = terms._asdict()
    loss = values.pop("loss")
    return torch.stack([value.detach() for value in (*values.values(), loss)]).mean(-1)
