"""The beta-VAE (Higgins et al. 2017), of which beta = 1 is the VAE."""

import copy
from typing import Any, Literal, NamedTuple

from torch import Tensor

from pyvae.deprecated import warn_of
from pyvae.losses.objective import Objective, Seed, check_choice
from pyvae.losses.terms import check_alike, sampled_kl
from pyvae.ops import gaussian_kl
from pyvae.ops.registration import exportable


@exportable
class BetaVAETerms(NamedTuple):
    """loss = reconstruction + beta * kl, each [..., M] in nats."""

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor

    def mean(self, *args: Any, **kwargs: Any) -> Tensor:
        """Until pyvae 0.2, of the loss, which used to be all of the answer."""
        warn_of("mean() of an objective's answer", "its .loss.mean()")
        return self.loss.mean(*args, **kwargs)


class BetaVAE(Objective):
    """reconstruction + beta * KL (Higgins et al. 2017, eq. 4); beta = 1 is the negative ELBO.

    Args:
        beta: weight of the KL, at least 0.
        kl: closed_form, or sampled: log q(z|x) - log p(z) at the one z, Kingma & Welling's first estimator.
        warmup_steps: steps over which beta rises linearly from 0; 0 is a constant beta.
        schedule: how else beta changes, such as warmup(25%), linear(100, 1, 5000) or cyclical(1000, 0.5).

    Raises ValueError for a setting out of range, and when called with terms of different shapes.
    """

    strength = "beta"
    symbol = "β"
    terms = BetaVAETerms._fields
    beta: float | Tensor

    def __init__(
        self,
        beta: float | Tensor = 1.0,
        *,
        kl: Literal["closed_form", "sampled"] = "closed_form",
        warmup_steps: int = 0,
        schedule: str = "constant",
    ) -> None:
        super().__init__(beta, warmup_steps, schedule)
        check_choice("kl", kl, ("closed_form", "sampled"))
        self.kl = kl

    def _terms(
        self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, step: int | None, seed: Seed
    ) -> BetaVAETerms:
        kl = sampled_kl(z, mu, logvar) if self.kl == "sampled" else gaussian_kl(mu, logvar)
        check_alike(reconstruction=reconstruction, kl=kl)
        loss = reconstruction + self.strength_at(step) * kl
        return BetaVAETerms(loss, reconstruction, kl)

    def _weighed_terms(
        self,
        reconstruction: Tensor,
        z: Tensor,
        mu: Tensor,
        logvar: Tensor,
        step: int | None,
        seed: Seed,
        log_weights: Tensor,
    ) -> BetaVAETerms:
        return self._terms(reconstruction, z, mu, logvar, step, seed)  # each item's own

    def exact(self) -> "BetaVAE":
        out = copy.copy(self)
        out.kl = "closed_form"
        return out
