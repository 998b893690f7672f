"""What can be said about the grid study before any model is trained.

Linear theory of the Gaussian VAE: at its optimum a linear beta-VAE with noise variance v is probabilistic PCA
with noise variance beta * v (Lucas et al. 2019, "Don't blame the ELBO!", for beta = 1; beta only rescales the
noise). The direction of one block of n pixels with intensity variance V has the eigenvalue n V + v, so with
the signal-to-noise ratio snr = n V / v its latent has posterior variance beta / (1 + snr), and stays in use
only while that is below 1.
"""

import math

import numpy as np

QUADRATURE_POINTS = 4001
QUADRATURE_REACH = 10.0  # standard deviations
CEILING_POINTS = 1501
CEILING_REACH = 9.0  # standard deviations; the mass beyond is 2e-19


def ceiling(
    mu: float,
    *,
    blocks: int = 9,
    pixels: int = 49,
    noise_variance: float = 0.25,
    points: int = CEILING_POINTS,
) -> float:
    """I(x; z) in nats for z ~ N(mu, I) and an image of blocks sigmoid(z_k) + N(0, noise_variance), `pixels`
    each.

    The blocks are independent, and a block's mean m is sufficient for its z_k: m ~ N(sigmoid(z_k), s^2) with
    s^2 = noise_variance / pixels. So I = blocks * (h(m) - h(m | z_k)), where h(m | z_k) = log(2 pi e s^2) / 2
    and h(m) is integrated by the trapezoidal rule in float64, which converges geometrically for these smooth
    integrands. Raises ValueError for a noise variance that is not positive (without noise the information is
    infinite).
    """
    if not noise_variance > 0:
        raise ValueError(f"noise_variance must be positive, got {noise_variance}")
    s = math.sqrt(noise_variance / pixels)
    z = np.linspace(-CEILING_REACH, CEILING_REACH, points)
    weight = np.exp(-0.5 * z**2)
    weight /= weight.sum()
    intensity = 1 / (1 + np.exp(-(mu + z)))
    low, high = intensity[0] - CEILING_REACH * s, intensity[-1] + CEILING_REACH * s
    m = np.linspace(low, high, points)
    density = np.exp(-0.5 * ((m[:, None] - intensity) / s) ** 2) @ weight / (s * math.sqrt(2 * math.pi))
    entropy = -np.trapezoid(density * np.log(np.maximum(density, 1e-300)), m)
    return blocks * max(0.0, float(entropy) - 0.5 * math.log(2 * math.pi * math.e * s * s))


def collapse_boundary(mu: float, *, pixels: int = 49, noise_variance: float = 0.25) -> float:
    """beta*(mu) = 1 + pixels * Var(sigmoid(z)) / noise_variance, z ~ N(mu, 1): a block is in use only for
    beta < beta*.

    Raises ValueError for a noise variance that is not positive.
    """
    _, variance, _ = _intensity_moments(mu)
    return 1 + _signal_to_noise(variance, pixels, noise_variance)


def linear_theory_latents(blocks: int, latents: int) -> int:
    """How many latents the optimal linear VAE has in use within the boundary, each for a block of its own.

    All blocks have the same eigenvalue, so those that are left over for want of latents may be any; directions across
    several blocks would explain as much of the image, but recover less: -log(1 - R^2) is convex in R^2.
    """
    return min(blocks, latents)


def linear_theory_recovered(
    mu: float, beta: float, *, blocks: int = 9, pixels: int = 49, noise_variance: float = 0.25
) -> float:
    """The recovered information (nats, `recovered_information`) of the optimal linear beta-VAE, of those blocks that
    have a latent (`linear_theory_latents`).

    Per block R^2 = rho^2 * snr / (1 + snr) * (1 - beta / (1 + snr)): rho is the correlation of z with
    sigmoid(z), the second factor is the pixel noise, the third the sampling noise of the code; 0 beyond the
    collapse boundary.
    """
    _, variance, correlation = _intensity_moments(mu)
    snr = _signal_to_noise(variance, pixels, noise_variance)
    r2 = correlation**2 * snr / (1 + snr) * max(0.0, 1 - beta / (1 + snr))
    return -0.5 * blocks * math.log1p(-r2)


def constant_decoder_mse(mu: float, intensities: tuple[float, ...] = (0.1, 0.5, 0.9)) -> float:
    """Error per pixel, on the grid of all combinations of `intensities`, of a decoder that ignores its
    latents.

    Having learned nothing but the mean image of its training distribution it answers E sigmoid(z) everywhere.
    """
    mean, _, _ = _intensity_moments(mu)
    return float(np.mean((np.asarray(intensities) - mean) ** 2))


def _signal_to_noise(variance: float, pixels: int, noise_variance: float) -> float:
    if not noise_variance > 0:
        raise ValueError(f"noise_variance must be positive, got {noise_variance}")
    return pixels * variance / noise_variance


def _intensity_moments(mu: float) -> tuple[float, float, float]:
    """Mean and variance of sigmoid(z), z ~ N(mu, 1), and its correlation with z, by the trapezoidal rule."""
    eps = np.linspace(-QUADRATURE_REACH, QUADRATURE_REACH, QUADRATURE_POINTS)
    weight = np.exp(-0.5 * eps**2)
    weight /= weight.sum()
    intensity = 1 / (1 + np.exp(-(mu + eps)))
    mean = float(weight @ intensity)
    variance = float(weight @ (intensity - mean) ** 2)
    return mean, variance, float(weight @ (eps * intensity)) / math.sqrt(variance)
