"""A reparameterised sample and its posterior's KL divergence, from one reading of the posterior."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyvae.ops.arguments import check_axes, is_distributed, prepared
from pyvae.ops.differentiable import Differentiable, gradient_of
from pyvae.ops.registration import exportable, vmap_over_leading_axes, wanted
from pyvae.ops.seeds import seed_tensor


@exportable
class SampleWithKL(NamedTuple):
    """Samples `z` [..., D] and the divergence `kl` [...] of the posterior each was drawn from, in nats."""

    z: Tensor
    kl: Tensor


def reparameterize_with_kl(
    mu: Tensor,
    logvar: Tensor,
    *,
    seed: int | Tensor | None = None,
    generator: torch.Generator | None = None,
) -> SampleWithKL:
    r"""What a VAE with a standard normal prior takes from its encoder: a sample and its KL term, in one op.

    .. math:: z = \mu + e^{\log\sigma^2 / 2}\,\varepsilon, \qquad
        \mathrm{KL} = \tfrac12 \sum_d \left[ \mu_d^2 + \operatorname{expm1}(\log\sigma_d^2) - \log\sigma_d^2 \right]

    (Kingma & Welling 2014, eq. 10 and appendix B.) z is what pyvae.reparameterize draws from the same seed, kl what
    pyvae.gaussian_kl gives; mu and logvar are read once instead of twice, in the backward too. DTensors are
    taken as these two take them: kl is Partial where latents are sharded.

    Args:
        mu: posterior means, [..., D].
        logvar: posterior log-variances, log sigma^2, of a shape that broadcasts with mu.
        seed, generator: as in pyvae.reparameterize: a seed's shape is a prefix of mu's, one stream per element of it.

    Returns:
        SampleWithKL(z, kl): z [..., D] in the inputs' dtype (float32 under autocast), kl [...] summed over the latents
        in float32 (float64 for float64 inputs).

    Raises:
        TypeError: for inputs that are no floating tensors, of different dtypes or in part DTensors, a seed that is no
            integer, or a generator that is none.
        NotImplementedError: for inputs with a forward-mode tangent.
        ValueError: for shapes that do not broadcast or have no axis, different devices or meshes, a seed whose shape is
            no prefix of mu's or that is outside of int64, or both a seed and a generator.

    Example:
        >>> z, kl = reparameterize_with_kl(torch.ones(3, 10), torch.zeros(3, 10), seed=7)
        >>> kl
        tensor([5., 5., 5.])
    """
    if is_distributed(mu):
        return _of_shards(mu, logvar, seed, generator)
    (mean, log_variance), z_dtype = prepared(mu=mu, logvar=logvar)
    check_axes("mu", mean, "[..., D]")
    z, kl = _op(mean, log_variance, seed_tensor(seed, generator, mean))
    return SampleWithKL(z if z.dtype == z_dtype else z.to(z_dtype), kl)


def _of_shards(
    mu: Tensor, logvar: Tensor, seed: int | Tensor | None, generator: torch.Generator | None
) -> SampleWithKL:
    """The same of DTensors."""
    from pyvae.ops.distributed import Shards  # half a second

    shards = Shards(mu=mu, logvar=logvar)
    z, kl = shards.sampled(reparameterize_with_kl, seed, generator)
    return SampleWithKL(shards.whole(z), shards.whole_sum(kl))


@torch.library.register_fake("pyvae::reparameterize_with_kl")
def _fake(mu: Tensor, logvar: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
    return mu.new_empty(mu.shape), mu.new_empty(mu.shape[:-1])


@torch.library.register_fake("pyvae::reparameterize_with_kl_backward")
def _backward_fake(grad_z: Tensor, grad_kl: Tensor, mu: Tensor, logvar: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
    return mu.new_empty(mu.shape), mu.new_empty(mu.shape)


_gradient = gradient_of("reparameterize_with_kl")


def _setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad_z: Tensor, grad_kl: Tensor) -> tuple[Tensor | None, ...]:
    grads = _gradient(grad_z, grad_kl, *ctx.saved_tensors)
    return (*wanted(ctx, grads), None)


_op = Differentiable("reparameterize_with_kl", _setup_context, _backward)
vmap_over_leading_axes("reparameterize_with_kl", "reparameterize_with_kl_backward")
