"""Information in nats: what an image holds of the truth, and what a code holds of it.

Quantities that must not be mixed up:

* the ceiling, I(x; z_true): the most any code of the noised image can hold of the true latents;
* the recovered information, a lower bound on I(z_true; code), comparable with the ceiling;
* the code information, I(x; code): all the code holds of the image, encoded pixel noise included. It may
  exceed the ceiling and saturates at the log of the number of images;
* the information about factors with finitely many values, I(v_k; code), exact on a finite set of images, and its
  ceiling I(v_k; x), below the entropy of v_k where images of different values are alike.
"""

import math

import numpy as np
import torch
from torch import Tensor

from pyvae.aggregate.estimate import Estimate, mean_of
from pyvae.metrics.estimators.numbers import positive
from pyvae.metrics.estimators.projection import least_squares
from pyvae.ops import kl_decomposition, minibatch_log_density
from pyvae.ops.arguments import whole
from pyvae.ops.kl_decomposition import log_normal
from pyvae.ops.minibatch_log_density import Method

SATURATION_MARGIN = 1.0

# At a time, so that a table of densities of some thousand posteriors stays below 20 MB.
QUERIES = 256
SMALLEST = 1e-300


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
    rtol = positive("rtol", rtol)
    return kl_decomposition(z, mu, logvar, estimator="full", method=method, rtol=rtol).mutual_information.mean(-1)


def latent_information(
    z: Tensor, mu: Tensor, logvar: Tensor, *, method: Method = "auto", rtol: float = 1e-5
) -> Estimate:
    """I(x; z_d) in nats of each latent over a finite set of M images, with errors: all [..., M, L] -> [..., L].

    As `code_information`, latent by latent; exactly 0 for a latent that has collapsed.
    """
    rtol = positive("rtol", rtol)
    marginals = minibatch_log_density(z, mu, logvar, estimator="full", method=method, rtol=rtol).marginals
    terms = log_normal(z, mu, logvar) - marginals
    return mean_of(terms.movedim(-2, 0))


def is_saturated(information: Tensor, images: int) -> Tensor:
    """Whether I(x; code) lies within SATURATION_MARGIN nats of log(images): then it says "at least this
    much" only.
    """
    images = whole("images", images, least=1)
    return information > math.log(images) - SATURATION_MARGIN


@torch.no_grad()
def label_information(z: Tensor, rows: Tensor, mu: Tensor, logvar: Tensor, labels: Tensor) -> Tensor:
    """log p(v_k | z) - log p(v_k) in nats at the true value of every factor, [Q, K]; the mean over Q estimates
    I(v_k; code).

    All M images are as likely, and p(v_k | z) is Bayes' rule for the code's own posteriors: no classifier is fitted,
    and none could do better. So the mean is no bound but the information itself, up to the error of Q samples, and in
    expectation at most `image_information`'s. Means over some of the rows say how well these are told from all M.

    Args:
        z: one code of each of Q images, a sample of its posterior, [Q, D].
        rows: which of the M images these are, int64 [Q].
        mu, logvar: posteriors of all images, [M, D].
        labels: numbers from 0 of the factors' values, int64 [M, K].

    Raises ValueError for labels of another number of images than posteriors.
    """
    if len(labels) != len(mu):
        raise ValueError(f"labels must have a row for each of the {len(mu)} posteriors, got {len(labels)}")
    kinds = [torch.nn.functional.one_hot(column).double() for column in labels.T]
    known, log_p = torch.cat(kinds, 1), torch.cat([kind.mean(0).log() for kind in kinds])
    starts = torch.tensor([0, *(kind.shape[1] for kind in kinds[:-1])]).cumsum(0)
    precision = torch.exp(-logvar.double())
    linear = mu.double() * precision
    constant = -0.5 * (mu.double() * linear + logvar.double()).sum(-1)
    out = []
    for part, own in zip(z.double().split(QUERIES), (starts + labels[rows]).split(QUERIES), strict=True):
        log_density = part @ linear.T - 0.5 * part.square() @ precision.T + constant  # of each posterior, [q, M]
        share = log_density.softmax(-1) @ known
        out.append(share.gather(-1, own).clamp_min(SMALLEST).log() - log_p[own])
    return torch.cat(out)


def image_information(images: Tensor, labels: Tensor) -> Tensor:
    """The same for the images themselves, [M, K], whose mean over M is the ceiling I(v_k; x): M images [M, size], all
    as likely, those that are equal to 1/255 known to be one of their kind and no more.

    Symmetries lower it: of eight orientations a square shows two.
    """
    pixels = images.mul(255).round_().byte().cpu().numpy()
    _, kind = np.unique(pixels, axis=0, return_inverse=True)
    out = []
    for column in labels.T.cpu().numpy():
        _, value = np.unique(column, return_inverse=True)
        counts = np.zeros((kind.max() + 1, value.max() + 1))
        np.add.at(counts, (kind.reshape(-1), value), 1.0)
        shares = counts / counts.sum(1, keepdims=True)
        out.append(np.log(shares[kind.reshape(-1), value]) - np.log(counts.sum(0) / len(kind))[value])
    return torch.from_numpy(np.stack(out, 1))
