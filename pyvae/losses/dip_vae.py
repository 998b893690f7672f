"""DIP-VAE I and II (Kumar et al. 2018): the aggregate posterior's covariance matched to the prior's."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pyvae.losses.objective import Objective, Seed, check_choice, check_numbers
from pyvae.losses.terms import kl_beside
from pyvae.ops.arguments import compute_dtype
from pyvae.ops.registration import exportable


@exportable
class DIPVAETerms(NamedTuple):
    """loss = reconstruction + kl + lambda_od * off_diagonal + lambda_d * diagonal, each [..., M].

    The last two are the batch's, repeated along M: sum_{i != j} Cov_ij^2 and sum_i (Cov_ii - 1)^2.
    """

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor
    off_diagonal: Tensor
    diagonal: Tensor


class DIPVAE(Objective):
    """reconstruction + KL + lambda_od sum_{i != j} Cov_ij^2 + lambda_d sum_i (Cov_ii - 1)^2 (Kumar et al. 2018).

    Cov is the covariance over the minibatch (its mean of products, divided by M) of the posterior's means for kind I
    (eq. 6), and of the codes themselves, Cov[mu] + diag(E[sigma^2]), for kind II (eq. 7).

    Args:
        lambda_od: weight of the covariances between latents, at least 0.
        lambda_d: weight of the variances' distance from 1, at least 0; none: 10 lambda_od for kind i and lambda_od for
            kind ii, as Locatello et al. 2019 have it.
        kind: i, of the covariance of the means; ii, of that of the codes.
        warmup_steps: steps over which lambda_od rises linearly from 0; 0 is a constant lambda_od.
        schedule: how else lambda_od changes, such as warmup(25%), linear(100, 1, 5000) or cyclical(1000, 0.5).

    Raises ValueError for a setting out of range, and when called with terms of different shapes.
    """

    strength = "lambda_od"
    symbol = "λ_od"
    tried = (1.0, 10.0, 50.0)
    terms = DIPVAETerms._fields
    lambda_od: float | Tensor

    @classmethod
    def name(cls) -> str:
        return "dip-vae"  # capitals alone do not tell where DIP ends

    def __init__(
        self,
        lambda_od: float | Tensor = 10.0,
        *,
        lambda_d: float | None = None,
        kind: Literal["i", "ii"] = "i",
        warmup_steps: int = 0,
        schedule: str = "constant",
    ) -> None:
        super().__init__(lambda_od, warmup_steps, schedule)
        if lambda_d is not None:
            check_numbers(lambda_d=lambda_d)
        check_choice("kind", kind, ("i", "ii"))
        self.lambda_d, self.kind = lambda_d, kind

    def _terms(
        self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, step: int | None, seed: Seed
    ) -> DIPVAETerms:
        kl = kl_beside(reconstruction, mu, logvar)
        covariance = _covariance(mu, logvar if self.kind == "ii" else None)
        variances = covariance.diagonal(dim1=-2, dim2=-1)
        diagonal = (variances - 1).square().sum(-1, keepdim=True)
        off_diagonal = (covariance - torch.diag_embed(variances)).square().sum((-2, -1)).unsqueeze(-1)
        od = self.strength_at(step)
        d = self.lambda_d if self.lambda_d is not None else (10 if self.kind == "i" else 1) * od
        loss = reconstruction + kl + (od * off_diagonal + d * diagonal)
        return DIPVAETerms(loss, reconstruction, kl, off_diagonal, diagonal)


def _covariance(mu: Tensor, logvar: Tensor | None) -> Tensor:
    """[..., D, D] of means [..., M, D] over the batch, with the posteriors' own variances where logvar is given."""
    dtype = compute_dtype(mu) if logvar is None else compute_dtype(mu, logvar)
    centred = mu.to(dtype)
    centred = centred - centred.mean(-2, keepdim=True)
    covariance = centred.mT @ centred / centred.shape[-2]
    if logvar is not None:
        covariance = covariance + torch.diag_embed(logvar.to(dtype).exp().mean(-2))
    return covariance
