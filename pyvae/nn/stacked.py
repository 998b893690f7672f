"""Stacked layers: K independent affine maps in one module, every parameter with a leading model axis.

One batched product serves all K models, so a sweep trains as one process. Models never mix: sum the
per-model losses, and each model's gradient is the one it has alone.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from pyvae.nn.products import affine


class StackedLinear(nn.Module):
    """K affine maps: [K, B, inputs] -> [K, B, outputs]. weight [K, inputs, outputs], bias [K, 1, outputs]."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)

    def forward(self, x: Tensor, *, relu: bool = False) -> Tensor:
        return affine(x, self.weight, self.bias, relu=relu)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draws weights and biases uniform within 1/sqrt(fan-in), as torch.nn.Linear does, from torch's generator."""
        bound = self.weight.shape[1] ** -0.5
        self.weight.uniform_(-bound, bound)
        self.bias.uniform_(-bound, bound)

    def extra_repr(self) -> str:
        models, inputs, outputs = self.weight.shape
        return f"models={models}, inputs={inputs}, outputs={outputs}"


def stacked_layers(sizes: Sequence[int], models: int, generators: Sequence[torch.Generator] | None) -> nn.ModuleList:
    """Affine maps between consecutive sizes, model k drawn from generators[k] in the order weight, bias."""
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        # Drawn on the CPU, so that a seed gives one model on every device.
        weight = torch.zeros(models, fan_in, fan_out, device="cpu")
        bias = torch.zeros(models, 1, fan_out, device="cpu")
        bound = fan_in**-0.5
        for k, generator in enumerate(generators or ()):
            weight[k].uniform_(-bound, bound, generator=generator)
            bias[k].uniform_(-bound, bound, generator=generator)
        layers.append(StackedLinear(weight, bias))
    return nn.ModuleList(layers).to(torch.get_default_device())


def stacked_mlp(layers: nn.ModuleList, x: Tensor) -> Tensor:
    """Affine maps with relu between them."""
    *hidden, last = layers
    for layer in hidden:
        x = layer(x, relu=True)
    out: Tensor = last(x)
    return out
