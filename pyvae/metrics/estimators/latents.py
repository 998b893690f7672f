"""Which latents a model uses.

Active by information: the latent holds at least 0.01 nats, beyond the noise of its estimate. Active by KL: the mean KL
of the latent from the prior exceeds 0.01 nats. Active by variance: the variance of its posterior mean over images
exceeds 0.01 (Burda et al. 2016). They differ for a latent that is barely in use, and none is the R^2 of the mean: a
mean of tiny variance is still a linear image of the truth.
"""

from torch import Tensor

from pyvae.aggregate import Estimate
from pyvae.metrics.estimators.numbers import positive
from pyvae.ops import gaussian_kl
from pyvae.quantiles import NORMAL_975

ACTIVE_NATS = 0.01
ACTIVE_KL = 0.01
ACTIVE_VARIANCE = 0.01


def is_active(information: Estimate, threshold: float = ACTIVE_NATS) -> Tensor:
    """Which latents hold at least `threshold` nats, with a 95 % interval above 0; of any shape.

    Raises TypeError and ValueError for a threshold that is no number greater than 0.
    """
    threshold = positive("threshold", threshold)
    low = information.value - NORMAL_975 * information.standard_error
    return (information.value >= threshold) & (low > 0)


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
