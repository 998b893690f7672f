"""Functions of a bank's tensors: storing rows, and which of them were seen last."""

import torch
from torch import Tensor

from pyvae.ops.bank_parts import last_of_each

NEVER = -1
"""In `seen`, of a row that is not filled."""
MOST_LOGVAR = 170.0
"""Of what is stored, above or below 0; beyond that the scale of a float32 density is 0 or infinite."""


def store(
    bank_mu: Tensor, bank_logvar: Tensor, seen: Tensor, update: Tensor, index: Tensor, mu: Tensor, logvar: Tensor
) -> None:
    """Writes rows [..., M, D] into a bank's [..., N, D], and the number [...] of this update into `seen` [..., N].

    Of one data point's rows the last counts; one that is not finite as it is stored, or of a log-variance for which
    float32 has no scale, is marked as never seen: it would spoil every density until it is seen again.
    """
    # Items of one data point all write what its last one has: the result depends on no order of writing.
    last = last_of_each(index)
    rows = last.unsqueeze(-1).expand(mu.shape)
    stored = [new.gather(-2, rows).to(bank.dtype) for bank, new in ((bank_mu, mu), (bank_logvar, logvar))]
    finite = stored[0].isfinite().all(-1) & (stored[1].abs() <= MOST_LOGVAR).all(-1)
    to = index.unsqueeze(-1).expand(mu.shape)
    for bank, new in zip((bank_mu, bank_logvar), stored, strict=True):
        bank.scatter_(-2, to, new.masked_fill(~finite.unsqueeze(-1), 0.0))
    seen.scatter_(-1, index, torch.where(finite, update.unsqueeze(-1), NEVER))


def latest(seen: Tensor, rows: int) -> Tensor:
    """The rows of the last updates, of [..., N]: of as many whole updates as have at most so many rows, and of the last
    one in any case. A part of an update would be one by the rows' numbers, which may mean something.
    """
    one_too_old = seen.kthvalue(seen.shape[-1] - rows, -1, keepdim=True).values
    newest = seen.amax(-1, keepdim=True)
    return (seen > one_too_old) | (seen == newest)
