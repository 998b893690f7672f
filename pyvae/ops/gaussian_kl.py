"""The KL divergence between diagonal Gaussians."""

from typing import Any, Literal

import torch
from torch import Tensor

from pyvae.ops.arguments import (
    broadcast,
    check_axes,
    check_tensors,
    compute_dtype,
    is_distributed,
    is_number,
    prepared,
    traced_number,
)
from pyvae.ops.differentiable import Differentiable, gradient_of
from pyvae.ops.registration import vmap_over_leading_axes, wanted

Reduction = Literal["none", "latent", "batchmean", "sum"]


def gaussian_kl(
    mu: Tensor,
    logvar: Tensor,
    prior_mu: Tensor | float | None = None,
    prior_logvar: Tensor | float | None = None,
    *,
    reduction: Reduction = "latent",
) -> Tensor:
    r"""KL(N(mu, exp(logvar)) || N(prior_mu, exp(prior_logvar))) in nats, fused and exact near the prior.

    .. math:: \tfrac12 \left[ (\mu - \mu_p)^2 / \sigma_p^2 + \operatorname{expm1}(\Delta) - \Delta \right],
        \quad \Delta = \log\sigma^2 - \log\sigma_p^2

    (Kingma & Welling 2014, appendix B, for the standard normal prior.) Of DTensors each process takes its own part: the
    result has their placements, and is Partial where what it sums over is sharded.

    Args:
        mu: posterior means, [..., D].
        logvar: posterior log-variances, log sigma^2, [..., D].
        prior_mu: prior means, a tensor that broadcasts with mu or a number; default 0.
        prior_logvar: prior log-variances, likewise; default 0.
        reduction: "none" gives [..., D]; "latent" sums over the latents, [...]; "sum" sums that over everything;
            "batchmean" divides that sum by the number of posteriors, [M, D] or those of [K, M, D] together, and is 0 of
            none. Of images, [B, C, H, W], it is refused: flatten their latents into one axis, mu.flatten(1).

    Returns:
        Nats, float32 (float64 for float64 inputs). All four inputs receive gradients.

    Raises:
        TypeError: for inputs that are no floating tensors, of different dtypes or in part DTensors.
        NotImplementedError: for inputs with a forward-mode tangent.
        ValueError: for shapes that do not broadcast, different devices or meshes, an unknown reduction, or "batchmean"
            of more than three axes, which would count the axes of an image as posteriors.

    Example:
        >>> mu, logvar = torch.ones(3, 10), torch.zeros(3, 10)
        >>> gaussian_kl(mu, logvar)
        tensor([5., 5., 5.])
    """
    if reduction not in ("none", "latent", "batchmean", "sum"):
        raise ValueError(f"reduction must be 'none', 'latent', 'batchmean' or 'sum', got {reduction!r}.")
    if is_distributed(mu):
        return _of_shards(mu, logvar, prior_mu, prior_logvar, reduction)
    has_prior = prior_mu is not None or prior_logvar is not None
    tensors = _with_prior(mu, logvar, prior_mu, prior_logvar) if has_prior else prepared(mu=mu, logvar=logvar)[0]
    check_axes("mu", mu, "[..., D]")
    if reduction == "batchmean":
        _check_batch(tensors[0])
    no_prior = () if has_prior else (None, None)
    kl: Tensor = _op(*tensors, *no_prior, reduction != "none")
    if reduction == "batchmean" and kl.numel() > 0:
        return kl.mean()
    return kl.sum() if reduction in ("sum", "batchmean") else kl


def _of_shards(
    mu: Tensor, logvar: Tensor, prior_mu: Tensor | float | None, prior_logvar: Tensor | float | None, reduction: str
) -> Tensor:
    """The same of DTensors."""
    from pyvae.ops.distributed import Shards  # half a second

    arguments: dict[str, Any] = {"mu": mu, "logvar": logvar, "prior_mu": prior_mu, "prior_logvar": prior_logvar}
    shards = Shards(**{name: value for name, value in arguments.items() if not (value is None or is_number(value))})
    arguments |= shards.local
    if reduction == "none":
        return shards.whole(gaussian_kl(**arguments, reduction="none"))
    if reduction == "batchmean":
        _check_batch(mu)
    kl = shards.whole_sum(gaussian_kl(**arguments))
    if reduction == "batchmean" and kl.numel() > 0:
        return kl.sum() / kl.numel()
    return kl if reduction == "latent" else kl.sum()


def _with_prior(
    mu: Any, logvar: Any, prior_mu: Tensor | float | None, prior_logvar: Tensor | float | None
) -> tuple[Tensor, ...]:
    """All four as tensors of one shape and dtype."""
    posterior = {"mu": mu, "logvar": logvar}
    prior: dict[str, Any] = {"prior_mu": 0.0 if prior_mu is None else traced_number(prior_mu)}
    prior["prior_logvar"] = 0.0 if prior_logvar is None else traced_number(prior_logvar)
    tensors = posterior | {name: value for name, value in prior.items() if not is_number(value)}
    check_tensors(**tensors)
    dtype = compute_dtype(*tensors.values())
    for name, value in prior.items():
        if is_number(value):  # not rounded to a half type of the inputs
            prior[name] = torch.full((), float(value), dtype=dtype, device=mu.device)
    return tuple(tensor.to(dtype) for tensor in broadcast(**posterior, **prior))


def _check_batch(mu: Tensor) -> None:
    if mu.dim() > 3:
        raise ValueError(
            f"mu must have the shape [M, D] or [K, M, D] for 'batchmean', got {list(mu.shape)}: make one axis of the "
            "latents of an image by mu.flatten(1), or average 'latent' over the axes that count posteriors; "
            "pyvae.Posterior takes images as they are."
        )


@torch.library.register_fake("pyvae::gaussian_kl")
def _fake(
    mu: Tensor, logvar: Tensor, prior_mu: Tensor | None, prior_logvar: Tensor | None, sum_latents: bool
) -> Tensor:
    return mu.new_empty(mu.shape[:-1] if sum_latents else mu.shape)


@torch.library.register_fake("pyvae::gaussian_kl_backward")
def _backward_fake(
    grad_kl: Tensor,
    mu: Tensor,
    logvar: Tensor,
    prior_mu: Tensor | None,
    prior_logvar: Tensor | None,
    sum_latents: bool,
    prior_grads: bool,
) -> tuple[Tensor, ...]:
    prior_shape = mu.shape if prior_grads else (*mu.shape[:-1], 0)
    return tuple(mu.new_empty(shape) for shape in (mu.shape, mu.shape, prior_shape, prior_shape))


_gradient = gradient_of("gaussian_kl")


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.sum_latents = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, grad_kl: Tensor) -> tuple[Tensor | None, ...]:
    prior_grads = any(ctx.needs_input_grad[2:4])  # a fixed prior costs nothing
    grads = _gradient(grad_kl, *ctx.saved_tensors, ctx.sum_latents, prior_grads)
    return (*wanted(ctx, grads), None)


_op = Differentiable("gaussian_kl", _setup_context, _backward)
vmap_over_leading_axes("gaussian_kl", "gaussian_kl_backward")
