"""Stacked discriminators: K networks that give each code a logit."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from pyvae.nn.model import check_sizes, generators_of
from pyvae.nn.products import affine
from pyvae.nn.stacked import StackedLinear, stacked_layers

SLOPE = 0.2
"""Of the leaky relu, below 0."""


class StackedDiscriminator(nn.Module):
    """K MLPs with leaky relu between their layers: codes [K, B, latents] to logits [K, B].

    Args:
        models: K.
        latents: size of a code.
        hidden: widths of the hidden layers.
        seeds: K seeds; network k is initialised from seeds[k] alone, as torch.nn.Linear initialises. Without seeds
            every parameter is zero.

    Raises ValueError for sizes below 1 or another number of seeds than models, TypeError for seeds that are no whole
    numbers.
    """

    def __init__(
        self, models: int, latents: int, hidden: Sequence[int], *, seeds: Sequence[int] | Tensor | None = None
    ) -> None:
        super().__init__()
        check_sizes(models=models, latents=latents, hidden=min(hidden, default=1))
        self.models, self.latents, self.hidden = models, latents, tuple(hidden)
        self.layers = stacked_layers([latents, *hidden, 1], models, generators_of(seeds, models))

    def forward(self, z: Tensor, *, frozen: bool = False) -> Tensor:
        """Logits of codes; with `frozen` the network is a constant, and only the codes receive gradients."""
        *hidden, (weight, bias) = (_parameters(layer, frozen) for layer in self.layers)
        for parameters in hidden:
            # In place: an affine map's backward does not need its output.
            z = leaky_relu(affine(z, *parameters, relu=False), SLOPE, inplace=True)
        # A library's product with a single column rounds by how many models there are; a sum does not.
        return (z * weight.mT).sum(-1) + bias.squeeze(-1)


def _parameters(layer: nn.Module, frozen: bool) -> tuple[Tensor, Tensor]:
    assert isinstance(layer, StackedLinear)
    return (layer.weight.detach(), layer.bias.detach()) if frozen else (layer.weight, layer.bias)
