"""Which latents a model uses.

Active by KL: the mean KL of the latent from the prior exceeds 0.01 nats. Active by variance: the variance of
its posterior mean over images exceeds 0.01 (Burda et al. 2016). The two differ for a latent that is barely in
use, and neither is the R^2 of the mean: a mean of tiny variance is still a linear image of the truth.
"""

from torch import Tensor

from pyvae.ops import gaussian_kl

ACTIVE_KL = 0.01
ACTIVE_VARIANCE = 0.01


def kl_per_latent(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(q(z_d|x) || N(0, 1)) in nats, averaged over images: mu, logvar [..., M, D] -> [..., D]."""
    return gaussian_kl(mu, logvar, reduction="none").mean(-2)


def active_by_kl(kl: Tensor) -> Tensor:
    """How many latents have a mean KL above ACTIVE_KL nats: kl [..., D] -> int64 [...]."""
    return (kl > ACTIVE_KL).sum(-1)


def active_by_variance(mu: Tensor) -> Tensor:
    """How many posterior means vary by more than ACTIVE_VARIANCE over images: mu [..., M, D] -> int64
    [...].
    """
    return (mu.var(-2, correction=0) > ACTIVE_VARIANCE).sum(-1)
