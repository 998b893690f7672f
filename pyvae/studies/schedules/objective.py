"""The β-VAE's objective, with what the source plots of it followed beside its terms."""

from typing import Any, NamedTuple

from torch import Tensor

from pyvae.losses import BetaVAE


class FollowedTerms(NamedTuple):
    """Those of BetaVAE, and the mean standard deviation of an image's posterior over its latents, each [..., M]."""

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor
    posterior_std: Tensor


class FollowedBetaVAE(BetaVAE):
    """BetaVAE whose terms also have the posterior's standard deviation, which nothing is learned from: it is 1 for a
    collapsed model and falls with every nat that a latent holds.
    """

    terms = FollowedTerms._fields  # type: ignore[assignment]

    def _terms(self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, *at: Any) -> Any:
        terms = super()._terms(reconstruction, z, mu, logvar, *at)
        return FollowedTerms(*terms, logvar.detach().mul(0.5).exp_().mean(-1))
