"""Earlier names of `pyvae.losses`, for one release: each warns, and calls what took its place."""

from typing import Literal

from torch import Tensor, nn

from pyvae.deprecated import warn_of
from pyvae.losses.beta_tcvae import BetaTCVAE
from pyvae.losses.beta_vae import BetaVAE
from pyvae.losses.objective import check_weights
from pyvae.losses.terms import check_alike, sampled_kl
from pyvae.ops.minibatch_log_density import Estimator


def elbo(reconstruction: Tensor, kl: Tensor) -> Tensor:
    """Evidence lower bound, -(reconstruction + kl)."""
    warn_of("losses.elbo(reconstruction, kl)", "-(reconstruction + kl)")
    return -(reconstruction + kl)


def beta_vae(reconstruction: Tensor, kl: Tensor, beta: float | Tensor = 1.0) -> Tensor:
    """reconstruction + beta * kl."""
    warn_of("losses.beta_vae", "losses.BetaVAE(beta=…)(reconstruction, z, mu, logvar).loss")
    check_weights(beta=beta)
    check_alike(reconstruction=reconstruction, kl=kl)
    return reconstruction + beta * kl


def beta_tcvae(
    reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, *,
    dataset_size: int | None, alpha: float = 1.0, beta: float = 6.0, gamma: float = 1.0, estimator: Estimator = "mss",
) -> Tensor:  # fmt: skip
    """The loss of `BetaTCVAE`."""
    warn_of("losses.beta_tcvae", "losses.BetaTCVAE(dataset_size=…, beta=…)(reconstruction, z, mu, logvar).loss")
    objective = BetaTCVAE(dataset_size, alpha=alpha, beta=beta, gamma=gamma, estimator=estimator)
    return objective(reconstruction, z, mu, logvar).loss  # type: ignore[no-any-return]


class SampledKL(nn.Module):
    """Module of `sampled_kl`."""

    def __init__(self) -> None:
        super().__init__()
        warn_of("losses.SampledKL()", "the function losses.sampled_kl")

    def forward(self, z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return sampled_kl(z, mu, logvar)


class ELBO(BetaVAE):
    """`BetaVAE` with beta = 1."""

    def __init__(self, *, kl: Literal["closed_form", "sampled"] = "closed_form", warmup_steps: int = 0) -> None:
        super().__init__(1.0, kl=kl, warmup_steps=warmup_steps)
        warn_of("losses.ELBO()", "losses.BetaVAE()")
