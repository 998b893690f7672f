"""A training step of stacked VAEs in two calls, on the CPU: what the engine of pyvae.training is built on.

Encoder and decoder are affine maps with relu between them; the loss comes in between the two calls, from torch.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

LIKELIHOODS = {"gaussian": 0, "bernoulli": 1}


class StackedShape(NamedTuple):
    """How K models of one architecture lie in a matrix [K, P] of parameters."""

    encoder: tuple[int, ...]
    """Widths from the images' size to twice the latents."""
    decoder: tuple[int, ...]
    """Widths from the latents to the images' size."""
    offsets: tuple[int, ...]
    """Of weight and bias of every layer, encoder first, within a row."""
    likelihood: str = "gaussian"
    """gaussian or bernoulli."""
    variance: float = 1.0
    """The Gaussian's."""


class Encoded(NamedTuple):
    """What objectives take, and what the update needs of the forward pass."""

    reconstruction: Tensor
    """The likelihood's terms, float [K, B]."""
    z: Tensor
    """Samples [K, B, L], those of pyvae.reparameterize."""
    mu: Tensor
    logvar: Tensor
    activations: Tensor
    """Every layer's output, [K, …]."""


def stacked_vae_forward(x: Tensor, seed: Tensor, parameters: Tensor, shape: StackedShape) -> Encoded:
    """Encodes images x [K, B, inputs], samples codes with seed [K], decodes them, and compares the two.

    `parameters` [K, P] are float32 or float64, on the CPU. Raises RuntimeError for shapes that do not fit.
    """
    return Encoded(*torch.ops.pyvae.stacked_vae_forward(x, seed, parameters, *_plain(shape)))


def stacked_vae_update(
    grads: Sequence[Tensor],
    x: Tensor,
    seed: Tensor,
    encoded: Encoded,
    parameters: Tensor,
    moments: tuple[Tensor, Tensor],
    shape: StackedShape,
    *,
    learning_rate: float,
    step: int,
) -> None:
    """Backward pass and step number `step`, from 1, of Adam (torch.optim.Adam's decays 0.9 and 0.999, epsilon 1e-8).

    `grads` are those of a loss in `encoded`'s reconstruction, z, mu and logvar. Changes parameters and both moments
    [K, P] in place. Raises RuntimeError for shapes that do not fit.
    """
    torch.ops.pyvae.stacked_vae_update(
        *grads, x, encoded.z, encoded.logvar, seed, encoded.activations, parameters, *moments, *_plain(shape),
        learning_rate, step,
    )  # fmt: skip


def _plain(shape: StackedShape) -> tuple[Any, ...]:
    likelihood = LIKELIHOODS[shape.likelihood]
    return list(shape.encoder), list(shape.decoder), list(shape.offsets), likelihood, 0.5 / shape.variance


@torch.library.register_fake("pyvae::stacked_vae_forward")
def _forward_fake(
    x: Tensor, seed: Tensor, parameters: Tensor, encoder: list[int], decoder: list[int], *others: Any
) -> tuple[Tensor, ...]:
    models, batch = x.shape[:2]
    codes = [x.new_empty(models, batch, decoder[0]) for _ in range(3)]
    activations = batch * (sum(encoder[1:]) + sum(decoder[1:]))
    return (x.new_empty(models, batch), *codes, x.new_empty(models, activations))


@torch.library.register_fake("pyvae::stacked_vae_update")
def _update_fake(*arguments: Any) -> None:
    return None
