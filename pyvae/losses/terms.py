"""What objectives are made of: likelihoods and the sampled KL, per-sample terms in nats, to be minimised.

Terms are [..., M]: leading axes (stacked models) stay apart, the axes of one image or code are summed, half types in
float32 as the ops do. A likelihood is a function, and a module that holds its settings for a trainer.
"""

from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from pyvae.ops import gaussian_kl
from pyvae.ops.arguments import compute_dtype, is_number
from pyvae.ops.importance import relative_weights
from pyvae.ops.kl_decomposition import standardised


def gaussian_reconstruction(x: Tensor, mean: Tensor, variance: float = 1.0, *, event_dims: int = 1) -> Tensor:
    """-log N(x; mean, variance I) without its constant: sum (x - mean)^2 / (2 variance), [..., D] -> [...].

    The constant left out is (D/2) log(2 pi variance). The last `event_dims` axes are one image and are summed: 1 for
    flat images, 3 for [..., C, H, W]. Raises TypeError for tensors that are not floating, ValueError for a variance
    that is not positive, shapes that differ and fewer axes than `event_dims`.
    """
    _check_variance(variance)
    x, mean = alike(event_dims, mean=mean, x=x)
    return summed(mse_loss(mean, x, reduction="none"), event_dims) / (2 * variance)


def bernoulli_reconstruction(x: Tensor, logits: Tensor, *, event_dims: int = 1) -> Tensor:
    """-log Bernoulli(x; sigmoid(logits)) for x in [0, 1], summed over the last `event_dims` axes, [..., D] -> [...].

    Raises TypeError for tensors that are not floating, ValueError for shapes that differ and fewer axes than
    `event_dims`.
    """
    x, logits = alike(event_dims, logits=logits, x=x)
    return summed(binary_cross_entropy_with_logits(logits, x, reduction="none"), event_dims)


def sampled_kl(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """log q(z|x) - log p(z) at one sample z ~ N(mu, exp(logvar)): unbiased for KL(q || N(0, I)), [..., D] -> [...].

    Kingma & Welling 2014, eq. 6 (estimator A); pyvae.gaussian_kl is the closed form. The log(2 pi) terms cancel.
    """
    dtype = compute_dtype(z, mu, logvar)
    z, mu, logvar = z.to(dtype), mu.to(dtype), logvar.to(dtype)
    return 0.5 * (z.square() - standardised(z, mu, logvar).square() - logvar).sum(-1)


def weighted_mean(terms: Tensor, log_weights: Tensor) -> Tensor:
    """sum_i w_i t_i / sum_i w_i over the last axis, [..., M] -> [...]: the self-normalised estimate of a mean over the
    unbiased distribution from terms of biased draws.

    It averages what pyvae.kl_decomposition gives with the same log_weights, log p_unbiased(x) / p_biased(x) [..., M],
    which broadcast to the terms. Terms of objectives are weighed already. Raises TypeError and ValueError as
    pyvae.minibatch_log_density.
    """
    return (terms * relative_weights(log_weights, like=terms)).mean(-1)


class GaussianReconstruction(nn.Module):
    """`gaussian_reconstruction` with its settings."""

    def __init__(self, variance: float = 1.0, *, event_dims: int = 1) -> None:
        super().__init__()
        _check_variance(variance)
        check_event_dims(event_dims)
        self.variance, self.event_dims = variance, event_dims

    @property
    def fused(self) -> tuple[str, float] | None:
        """What pyvae.training's fused step calls it, and its variance; None where images are not flat."""
        return ("gaussian", float(self.variance)) if self.event_dims == 1 else None

    def forward(self, x: Tensor, mean: Tensor) -> Tensor:
        return gaussian_reconstruction(x, mean, self.variance, event_dims=self.event_dims)

    def extra_repr(self) -> str:
        return f"variance={self.variance}, event_dims={self.event_dims}"


class NoReconstruction(nn.Module):
    """0 for every image: what is left of an objective is its terms of the codes."""

    fused = None

    def __init__(self, *, event_dims: int = 1) -> None:
        super().__init__()
        check_event_dims(event_dims)
        self.event_dims = event_dims

    def forward(self, x: Tensor, decoded: Tensor) -> Tensor:
        x, decoded = alike(self.event_dims, decoded=decoded, x=x)
        return decoded.new_zeros(decoded.shape[: -self.event_dims])

    def extra_repr(self) -> str:
        return f"event_dims={self.event_dims}"


class BernoulliReconstruction(nn.Module):
    """`bernoulli_reconstruction` with its settings."""

    def __init__(self, *, event_dims: int = 1) -> None:
        super().__init__()
        check_event_dims(event_dims)
        self.event_dims = event_dims

    @property
    def fused(self) -> tuple[str, float] | None:
        """What pyvae.training's fused step calls it; None where images are not flat."""
        return ("bernoulli", 1.0) if self.event_dims == 1 else None

    def forward(self, x: Tensor, logits: Tensor) -> Tensor:
        return bernoulli_reconstruction(x, logits, event_dims=self.event_dims)

    def extra_repr(self) -> str:
        return f"event_dims={self.event_dims}"


def check_alike(**terms: Tensor) -> None:
    """Refuses terms of different shapes: [M, 1] beside [M] would broadcast to [M, M] and train on a wrong loss."""
    (first, a), (second, b) = terms.items()
    if a.shape != b.shape:
        hint = ": flatten the images or set event_dims" if a.dim() > b.dim() else ""
        raise ValueError(f"{first} must have the shape of {second}, {list(b.shape)}, got {list(a.shape)}{hint}")


def kl_beside(reconstruction: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The closed-form KL, [..., M]; refuses a reconstruction of another shape."""
    kl = gaussian_kl(mu, logvar)
    check_alike(reconstruction=reconstruction, kl=kl)
    return kl


def alike(event_dims: int, **images: Tensor) -> tuple[Tensor, Tensor]:
    """x and what the decoder made of it, in the dtype that they are summed in."""
    check_event_dims(event_dims)
    (name, decoded), (_, x) = images.items()
    if decoded.shape != x.shape:
        raise ValueError(f"{name} must have the shape of x, {list(x.shape)}, got {list(decoded.shape)}")
    for what, tensor in images.items():
        if not tensor.is_floating_point():
            got = str(tensor.dtype).removeprefix("torch.")
            raise TypeError(f"{what} must be a floating tensor, images scaled to the likelihood's range, got {got}")
    if x.dim() < event_dims:
        raise ValueError(f"x must have at least the {event_dims} axes that event_dims sums, got {list(x.shape)}")
    dtype = compute_dtype(x, decoded)
    return x.to(dtype), decoded.to(dtype)


def summed(values: Tensor, event_dims: int) -> Tensor:
    return values.sum(tuple(range(-event_dims, 0)))


def check_event_dims(event_dims: int) -> None:
    if event_dims < 1:
        raise ValueError(f"event_dims must be at least 1, got {event_dims}")


def _check_variance(variance: float) -> None:
    if not is_number(variance):
        kind = type(variance).__name__
        raise TypeError(
            f"variance must be a number, got {kind}: a variance that is learned needs its own logarithm in the loss, "
            "which this term leaves out"
        )
    if not variance > 0:
        raise ValueError(f"variance must be greater than 0, got {variance}")
