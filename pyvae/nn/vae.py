"""Stacked VAEs: K models of one architecture in one module."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pyvae.nn.stacked import stacked_layers, stacked_mlp


class StackedVAE(nn.Module):
    """K Gaussian VAEs: relu MLP encoder to (mu, logvar), mirrored relu MLP decoder to the likelihood's mean.

    Args:
        models: K.
        inputs: size of a flat image.
        hidden: widths of the encoder's hidden layers; the decoder has them in reverse.
        latents: size L of the code.
        seeds: K seeds, ints or an int64 tensor [K]; model k is initialised from seeds[k] alone, as
            torch.nn.Linear initialises (weights and biases uniform within 1/sqrt(fan-in)). Without seeds
            every parameter is zero, for load_state_dict to fill.

    Raises ValueError for sizes below 1 or another number of seeds than models.
    """

    def __init__(
        self,
        models: int,
        inputs: int,
        hidden: Sequence[int] = (256, 256),
        latents: int = 9,
        *,
        seeds: Sequence[int] | Tensor | None = None,
    ) -> None:
        super().__init__()
        sizes = {"models": models, "inputs": inputs, "latents": latents, **{"hidden": min(hidden, default=1)}}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        if seeds is not None and len(seeds) != models:
            raise ValueError(f"seeds must hold one seed per model ({models}), got {len(seeds)}")
        self.models, self.inputs, self.hidden, self.latents = models, inputs, tuple(hidden), latents
        encoder = [inputs, *hidden, 2 * latents]
        decoder = [latents, *reversed(hidden), inputs]
        generators = None if seeds is None else [torch.Generator().manual_seed(int(seed)) for seed in seeds]
        self.encoder = stacked_layers(encoder, models, generators)
        self.decoder = stacked_layers(decoder, models, generators)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance, each [K, B, latents], of images x.

        x is [K, B, inputs], or [B, inputs] where all models see the same images.
        """
        if x.dim() == 2:
            x = x.expand(self.models, *x.shape)
        if x.dim() != 3 or x.shape[0] != self.models or x.shape[2] != self.inputs:
            shapes = f"[{self.models}, B, {self.inputs}] or [B, {self.inputs}]"
            raise ValueError(f"x must have shape {shapes}, got {list(x.shape)}")
        mu, logvar = stacked_mlp(self.encoder, x).chunk(2, dim=-1)
        return mu, logvar

    def decode(self, z: Tensor) -> Tensor:
        """Mean of the Gaussian likelihood [K, B, inputs] for codes z [K, B, latents]."""
        if z.dim() != 3 or z.shape[0] != self.models or z.shape[2] != self.latents:
            raise ValueError(f"z must have shape [{self.models}, B, {self.latents}], got {list(z.shape)}")
        return stacked_mlp(self.decoder, z)

    def empty_like(self, models: int) -> "StackedVAE":
        """A stack of the same architecture for another number of models, its parameters zero until filled."""
        return StackedVAE(models, self.inputs, self.hidden, self.latents)

    def select(self, indices: Sequence[int]) -> "StackedVAE":
        """A stack of copies of the models at `indices`, in that order."""
        return stack([(self, indices)])


def stack(parts: Sequence[tuple[StackedVAE, Sequence[int]]]) -> StackedVAE:
    """One stack of copies of chosen models of several stacks: parts are (stack, indices of its models), in
    order.

    Raises ValueError when no model is chosen; the stacks must share one architecture.
    """
    models = sum(len(indices) for _, indices in parts)
    if models == 0:
        raise ValueError("parts must choose at least one model")
    out = parts[0][0].empty_like(models)
    sources = [dict(source.named_parameters()) for source, _ in parts]
    with torch.no_grad():
        for name, parameter in out.named_parameters():
            rows = [source[name][list(indices)] for source, (_, indices) in zip(sources, parts, strict=True)]
            torch.cat(rows, out=parameter.data)
    return out
