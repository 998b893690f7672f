"""A diagonal Gaussian posterior, of codes, images, video or sound, however its encoder writes it."""

import math
from typing import Any, Self

import torch
from torch import Tensor
from torch.distributions import Normal

from pyvae.ops import SampleWithKL, gaussian_kl, reparameterize, reparameterize_with_kl
from pyvae.ops.arguments import are_ready, autocasts, check_tensors, compute_dtype, in_dtype, is_whole, whole
from pyvae.ops.reparameterize_moments import DEVICES, Moments, reparameterize_moments
from pyvae.ops.seeds import seed_tensor
from pyvae.posterior.spread import Activation, Spread, SpreadIs

Axes = int | tuple[int, ...]
LOGVAR = Spread()
"""The head as it is."""


class Posterior:
    r"""N(mean, sigma^2) with independent latents, from an encoder's mean and what it says of the spread.

    activation(spread) + eps, clamped, is read as `spread_is`: a log-variance, a variance, a standard deviation or its
    logarithm. Half types are computed with in float32: near the prior half arithmetic loses most of the KL.

    Args:
        mean: posterior means, any shape.
        spread: what the encoder says of the width, of a shape that broadcasts to mean's: one channel for all of mean's
            is not repeated in memory for the KL.
        spread_is: logvar, var, std or log_std.
        activation: exp, softplus, sigmoid2 (2 sigmoid(s / 2)), neg_abs (-|s|), a callable, or None.
        eps: added after the activation, at least 0.
        clamp: bounds (low, high) after that, one of which may be None; beyond them the gradient is 0.
        latent_axes: over which the KL is summed; all other axes count posteriors. By default the last axis alone: of
            two heads of an image say (1, 2, 3), or its axes count posteriors and a mean divides by them.

    Raises:
        TypeError: for what is no floating tensor, DTensors, dtypes that differ, and settings of another type.
        ValueError: for shapes that do not broadcast to mean's, different devices, axes that are none of mean's or named
            twice, and settings out of range.

    Example:
        >>> posterior = Posterior(torch.ones(3, 10), torch.ones(3, 10), spread_is="std")
        >>> posterior.kl()
        tensor([5., 5., 5.])
    """

    def __init__(
        self,
        mean: Tensor,
        spread: Tensor,
        *,
        spread_is: SpreadIs = "logvar",
        activation: Activation | None = None,
        eps: float = 0.0,
        clamp: tuple[float | None, float | None] | None = None,
        latent_axes: Axes = -1,
    ) -> None:
        if not are_ready((mean, spread)):
            check_tensors(mean=mean, spread=spread)
            _check_broadcasts(mean, spread)
        self._mean, self._spread = mean, spread
        as_it_is = spread_is == "logvar" and activation is None and eps == 0 and clamp is None
        self.reading = LOGVAR if as_it_is else Spread(spread_is, activation, eps, clamp)
        self.latent_axes = _axes(latent_axes, mean.dim())
        self._packed: tuple[Tensor, int] | None = None

    @classmethod
    def from_moments(
        cls,
        moments: Tensor,
        axis: int = 1,
        spread_channels: int | None = None,
        *,
        latent_axes: Axes | None = None,
        **reading: Any,
    ) -> Self:
        """The posterior whose mean and spread an encoder packs into one tensor, such as [B, 2C, H, W], without a copy.

        Args:
            moments: mean, then spread, along `axis`.
            axis: along which they are packed.
            spread_channels: how many are the spread's, as many as the mean's or 1; half of all by default.
            latent_axes: all but the first by default: one KL for each image, video or clip.
            reading: spread_is, activation, eps and clamp, as for a Posterior.

        Raises ValueError for an axis that there is not, an odd number of channels without `spread_channels`, and
        numbers of channels that do not fit; TypeError for numbers that are no ints; and as Posterior does.
        """
        check_tensors(moments=moments)
        if not is_whole(axis):
            raise TypeError(f"axis must be an int, got {type(axis).__name__}.")
        (axis,) = _axes(axis, moments.dim(), "axis")
        channels = moments.shape[axis]
        if spread_channels is None:
            if channels % 2 or channels == 0:
                raise ValueError(f"moments must have an even number of channels on axis {axis}, got {channels}.")
            spread_channels = channels // 2
        spread_channels = whole("spread_channels", spread_channels, least=1)
        means = channels - spread_channels
        if spread_channels not in (1, means) or means < 1:
            raise ValueError(
                f"spread_channels must be 1 or half of the {channels} channels of moments, got {spread_channels}."
            )
        mean, spread = moments.split([means, spread_channels], axis)
        axes = tuple(range(1, moments.dim())) if latent_axes is None else latent_axes
        posterior = cls(mean, spread, latent_axes=axes, **reading)
        posterior._packed = moments, axis
        return posterior

    @classmethod
    def from_normal(cls, normal: Normal, *, latent_axes: Axes = -1) -> Self:
        """That of torch.distributions; TypeError for another distribution."""
        if not isinstance(normal, Normal):
            raise TypeError(f"normal must be a torch.distributions.Normal, got {type(normal).__name__}.")
        return cls(normal.loc, normal.scale, spread_is="std", latent_axes=latent_axes)

    def normal(self) -> Normal:
        """As torch.distributions have it, in the dtype of the arithmetic."""
        return Normal(self.mean.to(self.dtype), self.std.expand(self.mean.shape), validate_args=False)

    @property
    def mean(self) -> Tensor:
        """As it was given."""
        return self._mean

    @property
    def spread(self) -> Tensor:
        """As it was given, before it is read."""
        return self._spread

    @property
    def dtype(self) -> torch.dtype:
        """Of the arithmetic: float32 for half types, else the inputs' own."""
        return compute_dtype(self.mean, self.spread)

    @property
    def logvar(self) -> Tensor:
        """Log-variances, of the spread's shape, in the dtype of the arithmetic."""
        (spread,) = in_dtype(self.dtype, self.spread)
        return spread if self.reading is LOGVAR else self.reading.logvar(spread)

    @property
    def var(self) -> Tensor:
        """Variances, of the spread's shape."""
        return self.logvar.exp()

    @property
    def std(self) -> Tensor:
        """Standard deviations, of the spread's shape."""
        return (self.logvar / 2).exp()

    def mode(self) -> Tensor:
        """Where the density is largest: the mean."""
        return self.mean

    def sample(self, generator: torch.Generator | None = None, *, seed: int | Tensor | None = None) -> Tensor:
        """mean + sigma eps, of mean's shape and dtype (float32 under autocast); seed and generator are those of
        pyvae.reparameterize, and so are the noise and what is raised.
        """
        how = self._as_the_op_reads_it
        if how is not None:
            return self._sample_with_kl(how, seed, generator).z
        (mean,) = in_dtype(self.dtype, self.mean)
        (z,) = in_dtype(self._dtype_of_samples, reparameterize(mean, self.logvar, seed=seed, generator=generator))
        return z

    def kl(self, prior: "Posterior | Normal | None" = None) -> Tensor:
        r"""KL(q || p) in nats, summed over the latent axes: of mean's other axes, in the dtype of the arithmetic,
        float64 where the prior's is.

        .. math:: \tfrac12 \sum_d \left[ (\mu_d - m_d)^2 / s_d^2 + \operatorname{expm1}(\Delta_d) - \Delta_d \right],
            \quad \Delta = \log\sigma^2 - \log s^2

        (Kingma & Welling 2014, appendix B.) The prior is N(0, 1) by default, or any diagonal Gaussian whose shape
        broadcasts to mean's. Raises TypeError for another kind of prior, ValueError for one of another shape.
        """
        if prior is None:
            return self._kl_of_rows() if self.spread.shape == self.mean.shape else self._kl_of_few_spreads()
        if isinstance(prior, Normal):
            prior = Posterior.from_normal(prior, latent_axes=())
        if not isinstance(prior, Posterior):
            raise TypeError(f"prior must be a Posterior or a torch.distributions.Normal, got {type(prior).__name__}.")
        _check_broadcasts(self.mean, prior.mean, "prior")
        dtype = compute_dtype(self.mean, prior.mean)
        of_both = (self.mean, self.logvar, prior.mean, prior.logvar)
        return gaussian_kl(*(self._rows(tensor.to(dtype)) for tensor in of_both))

    def sample_with_kl(
        self, generator: torch.Generator | None = None, *, seed: int | Tensor | None = None
    ) -> SampleWithKL:
        """`sample` and `kl` to N(0, 1), from one reading of the moments where the latent axes are the last ones.

        That is of moments as they lie in memory, in their dtype, if the spread is said in logarithms and no activation
        comes before it.
        """
        how = self._as_the_op_reads_it
        if how is not None:
            return self._sample_with_kl(how, seed, generator)
        if not self._is_of_rows or self.spread.shape != self.mean.shape:
            return SampleWithKL(self.sample(seed=seed, generator=generator), self.kl())
        (mean,) = in_dtype(self.dtype, self.mean)
        z, kl = reparameterize_with_kl(self._rows(mean), self._rows(self.logvar), seed=seed, generator=generator)
        (z,) = in_dtype(self._dtype_of_samples, z if z.dim() == mean.dim() else z.view(mean.shape))
        return SampleWithKL(z, kl)

    def __repr__(self) -> str:
        return f"Posterior(mean={list(self.mean.shape)}, spread={list(self.spread.shape)}, {self.reading})"

    @property
    def _dtype_of_samples(self) -> torch.dtype:
        return self.dtype if autocasts(self.mean) else self.mean.dtype

    @property
    def _as_the_op_reads_it(self) -> Moments | None:
        """None where `reparameterize_moments` does not serve."""
        ndim, scale = self.mean.dim(), self.reading.log_scale
        if scale is None or self.mean.device.type not in DEVICES or self.mean.dtype != self.spread.dtype:
            return None
        if not self._latents_are_last:
            return None
        low, high = self.reading.bounds
        axis, channels = -1, 0
        if self._packed is not None:
            axis = self._packed[1]
            channels = self.mean.shape[axis]
        elif self.spread.shape != self.mean.shape:
            return None
        return Moments(ndim - len(self.latent_axes), scale, low, high, axis, channels)

    def _sample_with_kl(
        self, how: Moments, seed: int | Tensor | None, generator: torch.Generator | None
    ) -> SampleWithKL:
        mean, spread = (self.mean, self.spread) if self._packed is None else (self._packed[0], None)
        seeds = seed_tensor(seed, generator, self.mean)
        return SampleWithKL(*reparameterize_moments(mean, spread, seeds, how, rounded=not autocasts(self.mean)))

    @property
    def _latents_are_last(self) -> bool:
        ndim = self.mean.dim()
        return self.latent_axes == tuple(range(ndim - len(self.latent_axes), ndim))

    @property
    def _is_of_rows(self) -> bool:
        """Whether there are latents, and those of a posterior follow each other."""
        return bool(self.latent_axes) and self._latents_are_last

    def _rows(self, tensor: Tensor) -> Tensor:
        """A tensor that broadcasts to mean's shape as [..., D], D all latents of a posterior."""
        if tensor.shape != self.mean.shape:
            tensor = tensor.expand(self.mean.shape)
        if not self.latent_axes:
            return tensor.unsqueeze(-1)
        if self.latent_axes == (tensor.dim() - 1,):
            return tensor
        last = range(-len(self.latent_axes), 0)
        return tensor.movedim(self.latent_axes, tuple(last)).flatten(-len(self.latent_axes))

    def _kl_of_rows(self) -> Tensor:
        return gaussian_kl(self._rows(self.mean.to(self.dtype)), self._rows(self.logvar))

    def _kl_of_few_spreads(self) -> Tensor:
        """The KL's two parts, that of the mean and that of the spread, which stands for several latents each; their
        sums are float64's, since torch's in float32 lose digits.
        """
        axes = self.latent_axes
        if not axes:
            return self._kl_of_rows()
        logvar = self.logvar
        logvar = logvar.reshape((1,) * (self.mean.dim() - logvar.dim()) + tuple(logvar.shape))
        repeats = math.prod(self.mean.shape[axis] for axis in axes if logvar.shape[axis] == 1)
        of_spread = gaussian_kl(torch.zeros_like(logvar), logvar, reduction="none").sum(axes, dtype=torch.float64)
        of_mean: Tensor = 0.5 * torch.linalg.vector_norm(self.mean, dim=axes, dtype=torch.float64).square()
        return (of_mean + repeats * of_spread).to(self.dtype)


def _axes(axes: Axes, ndim: int, name: str = "latent_axes") -> tuple[int, ...]:
    """Axes of a tensor of so many, in order, counted from its first."""
    if axes == -1 and ndim > 0:
        return (ndim - 1,)  # most calls
    given = axes if isinstance(axes, tuple | list) else (axes,)
    for axis in given:
        if not is_whole(axis):
            raise TypeError(f"{name} must be an int or a tuple of ints, got {type(axis).__name__}.")
        if not -ndim <= axis < ndim:
            raise ValueError(f"{name} must be axes of a tensor of {ndim} axes, got {axis}.")
    found = sorted(int(axis) % ndim for axis in given)
    if len(set(found)) != len(found):
        raise ValueError(f"{name} must not name an axis twice, got {axes}.")
    return tuple(found)


def _check_broadcasts(mean: Tensor, other: Tensor, name: str = "spread") -> None:
    """The other has as many numbers on each of its last axes as mean, or one."""
    fits = other.dim() <= mean.dim() and all(
        theirs in (1, mine) for mine, theirs in zip(reversed(mean.shape), reversed(other.shape), strict=False)
    )
    if not fits:
        raise ValueError(f"{name} must broadcast to mean's shape {list(mean.shape)}, got {list(other.shape)}.")
