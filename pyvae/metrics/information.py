"""Information in nats: what an image holds of the truth, and what a code holds of it.

Three quantities that must not be mixed up:

* the ceiling, I(x; z_true): the most any code of the noised image can hold of the true latents;
* the recovered information, a lower bound on I(z_true; code), comparable with the ceiling;
* the code information, I(x; code): all the code holds of the image, encoded pixel noise included. It may
  exceed the ceiling and saturates at the log of the number of images.
"""

import math

import torch
from torch import Tensor

from pyvae.aggregate.estimate import Estimate, mean_of
from pyvae.metrics.projection import least_squares
from pyvae.ops import kl_decomposition, minibatch_log_density
from pyvae.ops.kl_decomposition import log_normal
from pyvae.ops.minibatch_log_density import Method

SATURATION_MARGIN = 1.0


def recovered_information(code: Tensor, truth: Tensor) -> Tensor:
    """A lower bound on I(truth; code) in nats, per true latent: code [..., N, L], truth [..., N, T] -> [...,
    T].

    For each true latent, predicted linearly from the code: -log(1 - R^2) / 2, at least 0. For independent
    Gaussian latents this is a bound: I(z; code) >= sum_k I(z_k; code), and among all errors of a given mean
    square a Gaussian one leaves the least information. It is fitted on the first half of the samples and R^2
    is taken on the second, so it does not profit from over-fitting; it holds up to the sampling error of that
    half. The samples must come in random order. Raises ValueError for fewer than four samples.
    """
    if code.shape[-2] < 4:
        raise ValueError(f"code must hold at least 4 samples to be split in two halves, got {code.shape[-2]}")
    half = code.shape[-2] // 2
    fitted = least_squares(code[..., :half, :], truth[..., :half, :])
    held_out = truth[..., half:, :].double()
    mse = (fitted.predict(code[..., half:, :].double()) - held_out).square().mean(-2)
    variance = held_out.var(-2, correction=0)
    return (0.5 * torch.log(variance / mse)).clamp_min(0)


def code_information(z: Tensor, mu: Tensor, logvar: Tensor, *, method: Method = "auto", rtol: float = 1e-5) -> Tensor:
    """I(x; code) in nats over a finite set of M images: mean of log q(z|x) - log q(z), all [..., M, L] ->
    [...].

    z holds one sample of each posterior, and q(z) is the exact aggregate posterior of these M images
    (estimator "full"). It estimates the information between code and *image index*, which never exceeds log
    M. `method` and `rtol` as in pyvae.minibatch_log_density.
    """
    return kl_decomposition(z, mu, logvar, estimator="full", method=method, rtol=rtol).mutual_information.mean(-1)


def latent_information(
    z: Tensor, mu: Tensor, logvar: Tensor, *, method: Method = "auto", rtol: float = 1e-5
) -> Estimate:
    """I(x; z_d) in nats of each latent over a finite set of M images, with errors: all [..., M, L] -> [..., L].

    As `code_information`, latent by latent; exactly 0 for a latent that has collapsed.
    """
    marginals = minibatch_log_density(z, mu, logvar, estimator="full", method=method, rtol=rtol).marginals
    terms = log_normal(z, mu, logvar) - marginals
    return mean_of(terms.movedim(-2, 0))


def is_saturated(information: Tensor, images: int) -> Tensor:
    """Whether I(x; code) lies within SATURATION_MARGIN nats of log(images): then it says "at least this
    much" only.
    """
    return information > math.log(images) - SATURATION_MARGIN
