"""Posteriors and points whose KL, total correlation, mutual information or MIG is known: by closed form or quadrature.

Truths are those of the numbers that a peer is given, so that what bfloat16 rounds before the call is nobody's error.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import special
from torch import Tensor
from torch.nn.functional import softplus

import pyvae
from benchmarks.perfect_code import FACTORS, SIGMA, N, perfect_code

Array = npt.NDArray[np.float64]

ROWS, LATENTS = 64, 10
IMAGE, VIDEO, AUDIO = (4, 16, 16, 16), (4, 16, 3, 5, 7), (4, 16, 11)
"""Of moments: as many channels of means as of log-variances on axis 1. No two sizes of a video are alike."""


def elementwise_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """To N(0, 1), of each number, in float64."""
    mu, logvar = mu.double(), logvar.double()
    return 0.5 * (mu.square() + logvar.expm1() - logvar)


def elementwise_kl_between(mu: Tensor, sigma: Tensor, prior_mu: Tensor, prior_sigma: Tensor) -> Tensor:
    """To another Gaussian, of each number, in float64."""
    mu, sigma, prior_mu, prior_sigma = (tensor.double() for tensor in (mu, sigma, prior_mu, prior_sigma))
    return elementwise_kl((mu - prior_mu) / prior_sigma, 2 * (sigma / prior_sigma).log())


# --- One posterior at a time ------------------------------------------------------------------------------------------


class Flat(NamedTuple):
    """mu and logvar [64, 10], and the mean KL of a row."""

    mu: Tensor
    logvar: Tensor
    kl: float


def flat(spread: float, dtype: torch.dtype = torch.float32) -> Flat:
    """mu and logvar are drawn from N(0, spread²): a small one is near the prior, as collapsed latents are."""
    mu, logvar = spread * torch.randn(2, ROWS, LATENTS, generator=torch.Generator().manual_seed(0))
    mu, logvar = mu.to(dtype), logvar.to(dtype)
    return Flat(mu, logvar, float(elementwise_kl(mu, logvar).sum(-1).mean()))


class Packed(NamedTuple):
    """Moments [B, 2C, …], others of the same shape, and KLs, to N(0, 1) and to the others, that are means over B."""

    moments: Tensor
    others: Tensor
    kl: float
    kl_to_others: float


def packed(shape: Sequence[int], spread: float, dtype: torch.dtype = torch.float32) -> Packed:
    """Of images or video: mean, then log-variance."""
    moments, others = (spread * torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))).to(dtype)
    mu, logvar = moments.double().chunk(2, 1)
    other_mu, other_logvar = others.double().chunk(2, 1)
    between = elementwise_kl_between(mu, (logvar / 2).exp(), other_mu, (other_logvar / 2).exp())
    return Packed(moments, others, per_item(elementwise_kl(mu, logvar)), per_item(between))


def sound() -> Packed:
    """Of sound: mean, then s with sigma = softplus(s) + 1e-4."""
    return _sound(*torch.randn(2, *AUDIO, generator=torch.Generator().manual_seed(2)))


def narrowed_sound() -> Packed:
    """All means are 0; sigma is ½, that of the others 1."""
    s = torch.tensor([0.5, 1.0]).sub(1e-4).expm1().log()
    moments = torch.zeros(2, *AUDIO)
    moments[:, :, AUDIO[1] // 2 :] = s.reshape(2, 1, 1, 1)
    return _sound(*moments)


def _sound(moments: Tensor, others: Tensor) -> Packed:
    (mu, sigma), (other_mu, other_sigma) = (_mean_and_sigma(part) for part in (moments, others))
    zero, one = torch.zeros_like(mu), torch.ones_like(mu)
    to_prior, between = (
        per_item(elementwise_kl_between(mu, sigma, *prior)) for prior in ((zero, one), (other_mu, other_sigma))
    )
    return Packed(moments, others, to_prior, between)


def _mean_and_sigma(moments: Tensor) -> tuple[Tensor, Tensor]:
    mu, s = moments.double().chunk(2, 1)
    return mu, softplus(s) + 1e-4


def per_item(kl: Tensor) -> float:
    """The mean over the first axis of sums over all others."""
    return float(kl.flatten(1).sum(1).mean())


class Sphere(NamedTuple):
    """Von Mises-Fisher posteriors on a sphere in 5 dimensions, and the mean KL to the uniform distribution."""

    loc: Tensor
    concentration: Tensor
    kl: float


def sphere() -> Sphere:
    generator = torch.Generator().manual_seed(3)
    loc = torch.randn(ROWS, 5, generator=generator)
    concentration = 1 + 20 * torch.rand(ROWS, 1, generator=generator)
    found = von_mises_fisher_kl(5, concentration.double().numpy())
    return Sphere(loc / loc.norm(dim=-1, keepdim=True), concentration, float(found.mean()))


def von_mises_fisher_kl(dimensions: int, concentration: Array) -> Array:
    """κ I_{m/2}(κ) / I_{m/2−1}(κ) + log C_m(κ) + log of the sphere's area (Davidson et al. 2018)."""
    half, kappa = dimensions / 2, concentration
    bessel = special.ive(half - 1, kappa)
    log_normaliser = (half - 1) * np.log(kappa) - half * math.log(2 * math.pi) - np.log(bessel) - kappa
    area = math.log(2) + half * math.log(math.pi) - math.lgamma(half)
    return kappa * special.ive(half, kappa) / bessel + log_normaliser + area


# --- A perfect code: a latent of its own for each factor --------------------------------------------------------------


def standardised(size: int) -> Array:
    """The values of a factor, all equally likely, with mean 0 and variance 1."""
    values = np.arange(size, dtype=np.float64)
    return (values - values.mean()) / values.std()


def information(size: int, sigma: float) -> float:
    """Of a latent N(v, sigma²) about its factor's value v, in nats: H(z) − H(z|v), by the trapezoid rule."""
    values, step = standardised(size), sigma / 10
    z = np.arange(values[0] - 10 * sigma, values[-1] + 10 * sigma, step)
    density = np.exp(-0.5 * ((z[:, None] - values) / sigma) ** 2).mean(1) / (sigma * math.sqrt(2 * math.pi))
    return float(special.entr(density).sum() * step - 0.5 * math.log(2 * math.pi * math.e * sigma**2))


def parts_of(sizes: Sequence[int], sigma: float) -> dict[str, float]:
    """Of all combinations of factors, each once: q(z) is the product of its marginals."""
    told = sum(information(size, sigma) for size in sizes)
    kl = len(sizes) * 0.5 * (1 + math.expm1(2 * math.log(sigma)) - 2 * math.log(sigma))
    return {"mutual information": told, "total correlation": 0.0, "dimension-wise KL": kl - told}


class Minibatches(NamedTuple):
    """z, mu and logvar [R, M, D] of a data set of N, and what is true of the whole of it."""

    z: Tensor
    mu: Tensor
    logvar: Tensor
    dataset_size: int
    truth: dict[str, float]


@cache
def minibatches(repeats: int = 200, size: int = 64) -> Minibatches:
    """Of the code of benchmarks/perfect_code.py: dSprites' factors, and five collapsed latents."""
    generator = torch.Generator().manual_seed(4)
    rows = torch.randint(N, (repeats, size), generator=generator)
    mu, logvar = (values[rows] for values in perfect_code())
    z = pyvae.reparameterize(mu, logvar, generator=generator)
    return Minibatches(z, mu, logvar, N, parts_of(FACTORS, SIGMA))


# --- Points -----------------------------------------------------------------------------------------------------------

SIZES = (3, 5, 8)
NOISE = 0.3
COPIES = 80
DEAD = 2
DRAWS = 5


class Points(NamedTuple):
    """Codes [n, D] and the factors [n, K] they were made of."""

    codes: Array
    factors: npt.NDArray[np.int64]


class Law(NamedTuple):
    """How codes are made of factors, and the MIG of that: the next best latent tells nothing, or as much."""

    noise: float
    twice: bool
    mig: float

    def draw(self, seed: int, copies: int = COPIES) -> Points:
        """Every combination of factors as often, a latent for each factor, or two, and two that hold nothing."""
        factors = np.indices(SIZES).reshape(len(SIZES), -1).T.repeat(copies, 0)
        return Points(codes_of(factors, self.noise, twice=self.twice, seed=seed), factors)

    def draws(self, copies: int = COPIES) -> Iterator[Points]:
        return (self.draw(seed, copies) for seed in range(DRAWS))


def codes_of(factors: npt.NDArray[np.int64], noise: float, *, twice: bool = False, seed: int) -> Array:
    """[n, D] of factors [n, K]: their standardised values with noise; the last two are N(0, 1) whatever the factors."""
    rng = np.random.default_rng(seed)
    clean = np.stack([standardised(size)[column] for size, column in zip(SIZES, factors.T, strict=True)], 1)
    clean = np.concatenate([clean, clean], 1) if twice else clean
    live = clean + noise * rng.normal(size=clean.shape) if noise else clean
    return np.concatenate([live, rng.normal(size=(len(factors), DEAD))], 1)


def mig_of(sizes: Sequence[int], noise: float) -> float:
    """Of a code whose latents tell a factor each."""
    return float(np.mean([information(size, noise) / math.log(size) if noise else 1.0 for size in sizes]))


LAWS = {
    "perfect code": Law(0.0, False, 1.0),
    "noisy code": Law(NOISE, False, mig_of(SIZES, NOISE)),
    "every factor twice": Law(NOISE, True, 0.0),
}


def noisy_posteriors() -> tuple[Tensor, Tensor, npt.NDArray[np.int64]]:
    """mu and logvar of the noisy code as posteriors, two of whose latents have collapsed, and the factors."""
    factors = np.indices(SIZES).reshape(len(SIZES), -1).T
    mu = codes_of(factors, 0.0, seed=0)
    mu[:, len(SIZES) :] = 0
    logvar = np.array([2 * math.log(NOISE)] * len(SIZES) + [0.0] * DEAD)
    return torch.from_numpy(mu), torch.from_numpy(np.tile(logvar, (len(mu), 1))), factors


SCALES = (1.0, 0.5, 0.1)


class Correlated(NamedTuple):
    """Points [n, 10] and the total correlation of the Gaussian that has their covariance."""

    points: Array
    total_correlation: float


def correlated(correlation: float, scale: float = 1.0, count: int = 4000, latents: int = 10) -> Correlated:
    """Points whose covariance is scale² times a matrix of ones and this correlation, exactly."""
    drawn = np.random.default_rng(6).normal(size=(count, latents))
    wanted = np.full((latents, latents), correlation) + (1 - correlation) * np.eye(latents)
    whitened = np.linalg.solve(np.linalg.cholesky(np.cov(drawn.T)), (drawn - drawn.mean(0)).T).T
    truth = -0.5 * (math.log1p((latents - 1) * correlation) + (latents - 1) * math.log1p(-correlation))
    return Correlated(scale * whitened @ np.linalg.cholesky(wanted).T, truth)


def of_unit_covariance(variance: float = 0.25) -> tuple[Tensor, Tensor]:
    """mu and logvar [64, 10] of a q(z) whose covariance is the unit matrix, its means' part 1 − variance."""
    drawn = torch.randn(ROWS, LATENTS, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    centred = drawn - drawn.mean(0)
    factor = torch.linalg.cholesky(torch.cov(centred.T, correction=0))
    mu = math.sqrt(1 - variance) * torch.linalg.solve_triangular(factor, centred.T, upper=False).T
    return mu.float(), torch.full((ROWS, LATENTS), math.log(variance))
