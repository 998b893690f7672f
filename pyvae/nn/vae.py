"""Stacked VAEs: K models of one architecture in one module."""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from pyvae.nn.stacked import stacked_layers, stacked_mlp
from pyvae.ops import reparameterize

Indices = Sequence[int] | Sequence[bool] | Tensor | npt.NDArray[Any]


class VAEOutput(NamedTuple):
    """What a stack makes of images: `decoded` [K, B, inputs]; codes `z`, `mu` and `logvar` [K, B, latents]."""

    decoded: Tensor
    z: Tensor
    mu: Tensor
    logvar: Tensor


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

    Raises ValueError for sizes below 1 or another number of seeds than models, TypeError for seeds that are no whole
    numbers.
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
        seeds = None if seeds is None else [whole_number("seeds", seed) for seed in seeds]
        generators = None if seeds is None else [torch.Generator().manual_seed(seed) for seed in seeds]
        self.encoder = stacked_layers(encoder, models, generators)
        self.decoder = stacked_layers(decoder, models, generators)

    @property
    def architecture(self) -> tuple[int, tuple[int, ...], int]:
        """inputs, hidden, latents."""
        return self.inputs, self.hidden, self.latents

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
        """What the likelihood takes, means or logits [K, B, inputs], for codes z [K, B, latents]."""
        if z.dim() != 3 or z.shape[0] != self.models or z.shape[2] != self.latents:
            raise ValueError(f"z must have shape [{self.models}, B, {self.latents}], got {list(z.shape)}")
        return stacked_mlp(self.decoder, z)

    def forward(self, x: Tensor, *, seed: int | Tensor | None = None) -> VAEOutput:
        """Encodes images x, samples codes by `pyvae.reparameterize` with `seed`, and decodes them."""
        mu, logvar = self.encode(x)
        z = reparameterize(mu, logvar, seed=seed)
        return VAEOutput(self.decode(z), z, mu, logvar)

    def empty_like(self, models: int) -> "StackedVAE":
        """A stack of the same architecture for another number of models, its parameters zero until filled: of this
        one's dtype and device, trainable where its own are, in its mode.
        """
        out = StackedVAE(models, self.inputs, self.hidden, self.latents)
        first = next(self.parameters())
        out = out.to(device=first.device, dtype=first.dtype).train(self.training)
        for new, old in zip(out.parameters(), self.parameters(), strict=True):
            new.requires_grad_(old.requires_grad)
        return out

    def select(self, indices: Indices) -> "StackedVAE":
        """A stack of copies of the models at `indices`, in that order, or of those that a mask of all models picks."""
        return stack([(self, indices)])


def stack(parts: Sequence[tuple[StackedVAE, Indices]]) -> StackedVAE:
    """One stack of copies of chosen models of several stacks: parts are (stack, indices of its models), in order.

    Indices are whole numbers (a list, a range, an array or a tensor), from the end where they are negative, or a mask
    with a bool for each model. The stack takes dtype, device, mode and what is trainable from the first part.

    Raises ValueError when no model is chosen, for an index out of range, a mask of another length, and stacks of
    different architectures; TypeError for indices that are no whole numbers.
    """
    chosen = [(source, _positions(indices, source.models)) for source, indices in parts]
    models = sum(len(positions) for _, positions in chosen)
    if models == 0:
        raise ValueError("parts must choose at least one model")
    first = parts[0][0]
    for source, _ in chosen:
        if source.architecture != first.architecture:
            raise ValueError(
                f"parts must share one architecture, got (inputs, hidden, latents) of {first.architecture} and "
                f"{source.architecture}"
            )
    out = first.empty_like(models)
    sources = [dict(source.named_parameters()) for source, _ in chosen]
    with torch.no_grad():
        for name, parameter in out.named_parameters():
            rows = [
                source[name][positions].to(parameter) for source, (_, positions) in zip(sources, chosen, strict=True)
            ]
            torch.cat(rows, out=parameter.data)
    return out


def _positions(indices: Indices, models: int) -> list[int]:
    """Indices or a mask as places from 0."""
    values = indices.tolist() if isinstance(indices, Tensor | np.ndarray) else list(indices)
    if values and all(isinstance(value, bool | np.bool_) for value in values):
        if len(values) != models:
            raise ValueError(f"indices must hold a bool for each of the {models} models, got {len(values)}")
        return [place for place, wanted in enumerate(values) if wanted]
    places = []
    for value in values:
        place = whole_number("indices", value)
        if not -models <= place < models:
            raise ValueError(f"indices must lie between {-models} and {models - 1}, got {place}")
        places.append(place % models)
    return places


def whole_number(name: str, value: Any) -> int:
    """An int of Python, numpy or torch; TypeError for anything else, a float with a whole value too."""
    try:
        return operator.index(value)
    except (TypeError, RuntimeError):
        raise TypeError(f"{name} must be whole numbers, got {value!r}") from None
