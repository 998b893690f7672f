"""Free nats (Kingma et al. 2016): a part of the KL that costs nothing."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pyvae.losses.objective import Objective, Seed, check_choice
from pyvae.losses.terms import kl_beside
from pyvae.ops import gaussian_kl
from pyvae.ops.registration import exportable


@exportable
class FreeNatsTerms(NamedTuple):
    """loss = reconstruction + bounded_kl, each [..., M] in nats.

    `bounded_kl` is the KL with what is free of it counted as `nats`; per latent it is the batch's, repeated along M.
    """

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor
    bounded_kl: Tensor


class FreeNats(Objective):
    """reconstruction + a KL that is pushed no lower than `nats` (Kingma et al. 2016, appendix C.8).

    Per latent the KL term is sum_d max(nats, mean_i KL_id), per item max(nats, KL_i). Below the bound there is no
    gradient: what is free is not only free of charge, nothing pulls it towards the prior.

    Args:
        nats: nats that are free, of each latent or of each image, at least 0; 0 is the plain VAE.
        per: latent, the mean over the batch of each latent's KL (the paper's, with one group for each latent); item,
            each image's whole KL.
        warmup_steps: steps over which nats rises linearly from 0; 0 is a constant nats.
        schedule: how else nats changes, such as warmup(25%), linear(100, 1, 5000) or cyclical(1000, 0.5).

    Raises ValueError for a setting out of range, and when called with terms of different shapes.
    """

    strength = "nats"
    symbol = "λ"
    tried = (0.05, 0.2, 0.5)
    terms = FreeNatsTerms._fields
    nats: float | Tensor

    def __init__(
        self,
        nats: float | Tensor = 0.5,
        *,
        per: Literal["latent", "item"] = "latent",
        warmup_steps: int = 0,
        schedule: str = "constant",
    ) -> None:
        super().__init__(nats, warmup_steps, schedule)
        check_choice("per", per, ("latent", "item"))
        self.per = per

    def _terms(
        self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, step: int | None, seed: Seed
    ) -> FreeNatsTerms:
        kl = kl_beside(reconstruction, mu, logvar)
        nats = self.strength_at(step)
        if self.per == "item":
            bounded = _at_least(kl, nats)
        else:
            of_latents = gaussian_kl(mu.unsqueeze(-1), logvar.unsqueeze(-1)).mean(-2)  # [..., D]
            bounded = _at_least(of_latents, nats).sum(-1, keepdim=True)
        loss = reconstruction + bounded
        return FreeNatsTerms(loss, reconstruction, kl, bounded)


def _at_least(values: Tensor, bound: float | Tensor) -> Tensor:
    """Values below the bound become it, and take no gradient; at the bound itself there is none either."""
    limit = bound.to(values.dtype) if isinstance(bound, Tensor) else values.new_full((), bound)
    return torch.where(values <= limit, limit, values)  # so that NaN stays NaN
