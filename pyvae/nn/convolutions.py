"""Stacked convolutions: K independent convolutions in one module, every parameter with a leading model axis.

They run model by model, each in channels_last, the layout that the library's kernels are fastest in; grouped
convolutions take longer (benchmarks/train/bench_convolutions.py). Nothing that a model computes depends on its
neighbours, to the bit. With another number of torch's threads values keep their bits and gradients of weights do not:
the library divides the batch among threads. The engine's worker threads take one each.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from pyvae.nn.products import check_whole

Convolution = Callable[[Tensor], Tensor]


class StackedConvolution(nn.Module):
    """What the two have in common: parameters [K, …], and one convolution for each model."""

    INPUTS: ClassVar[int]
    """The axis of the weight [K, …] that holds input channels."""

    def __init__(self, weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        outputs = weight.shape[3 - self.INPUTS] if weight.dim() == 5 else 0
        if weight.dim() != 5 or bias.shape != (weight.shape[0], outputs):
            raise ValueError(
                f"weight must have five axes, {self._axes()}, and bias two, [K, out], got {list(weight.shape)} and "
                f"{list(bias.shape)}"
            )
        if stride < 1 or padding < 0:
            raise ValueError(f"stride must be at least 1 and padding at least 0, got {stride} and {padding}")
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        models, inputs = self.weight.shape[0], self.weight.shape[self.INPUTS]
        if x.dim() != 5 or x.shape[0] != models or x.shape[2] != inputs:
            raise ValueError(f"x must have shape [{models}, B, {inputs}, H, W], got {list(x.shape)}")
        check_whole(x, self.weight)
        return torch.stack([convolve(part) for convolve, part in zip(self.apart(), x.unbind(), strict=True)])

    def apart(self) -> list[Convolution]:
        """One function for each model, [B, in, H, W] -> [B, out, H', W'], so that a model can go through many layers
        before the next one's turn: what it computes then stays in cache.
        """
        parameters = zip(self.weight.unbind(), self.bias.unbind(), strict=True)
        return [partial(self._one, weight=weight, bias=bias) for weight, bias in parameters]

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draws weights and biases as torch.nn's own layers do, from torch's generator."""
        bound = _bound(self.weight)
        self.weight.uniform_(-bound, bound)
        self.bias.uniform_(-bound, bound)

    def extra_repr(self) -> str:
        models, *_, height, width = self.weight.shape
        inputs, outputs = self.weight.shape[self.INPUTS], self.bias.shape[1]
        sizes = f"models={models}, inputs={inputs}, outputs={outputs}, kernel={(height, width)}"
        return f"{sizes}, stride={self.stride}, padding={self.padding}"

    def _one(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        raise NotImplementedError

    @classmethod
    def _axes(cls) -> str:
        return "[K, out, in, kh, kw]" if cls.INPUTS == 2 else "[K, in, out, kh, kw]"


class StackedConv2d(StackedConvolution):
    """K convolutions: [K, B, in, H, W] -> [K, B, out, H', W']. weight [K, out, in, kh, kw], bias [K, out]; stride and
    padding as torch.nn.Conv2d has them, one number for both sides.
    """

    INPUTS = 2

    def _one(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return conv2d(channels_last(x), weight, bias, self.stride, self.padding)


class StackedConvTranspose2d(StackedConvolution):
    """K transposed convolutions: [K, B, in, H, W] -> [K, B, out, H', W']. weight [K, in, out, kh, kw], bias [K, out];
    stride and padding as torch.nn.ConvTranspose2d has them, one number for both sides.
    """

    INPUTS = 1

    def _one(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        x = channels_last(x)
        if bias.shape[0] == 1 and x.device.type == "cpu":
            return _to_one_channel(x, weight, self.stride, self.padding) + bias.view(1, 1, 1)
        # The bias apart: the library's gradient of a transposed convolution's bias costs more than that of its weight.
        return conv_transpose2d(x, weight, None, self.stride, self.padding).add_(bias.view(-1, 1, 1))


def channels_last(x: Tensor) -> Tensor:
    """x [B, C, H, W] with its channels next to each other in memory.

    An image of one channel has that order and the usual one at once, and torch would take it for the usual one: here
    its strides say which is meant, and all that follows keeps to it.
    """
    if x.shape[1] == 1:
        return x.squeeze(1).unsqueeze(-1).movedim(-1, 1)
    return x.contiguous(memory_format=torch.channels_last)


def _to_one_channel(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """The transposed convolution with a single output channel as one matrix product, whose results are then added up
    where kernels overlap: on a CPU the library's own forward pass takes about four times as long (10 ms in place of 2.5
    from 32 channels to 64 images of 64 x 64, on one thread of a processor with AVX-512).
    """
    batch, inputs, height, width = x.shape
    kernel = weight.shape[2:]
    rows = x.permute(0, 2, 3, 1).reshape(-1, inputs)
    parts = torch.mm(weight.flatten(1).t(), rows.t()).view(*kernel, batch, height, width)
    whole: Tensor = _Fold.apply(parts, stride)
    down, across = whole.shape[1:]
    return whole[:, padding : down - padding, padding : across - padding].unsqueeze(1)


class _Fold(torch.autograd.Function):
    """Parts [kh, kw, B, H, W] added up to images [B, stride (H - 1) + kh, stride (W - 1) + kw]: part (r, c) of place
    (y, x) goes to (stride y + r, stride x + c). The derivative takes the same places out again.
    """

    @staticmethod
    def forward(parts: Tensor, stride: int) -> Tensor:
        down, across, batch, height, width = parts.shape
        tall, wide = stride * (height - 1) + 1, stride * (width - 1) + 1
        out = parts.new_zeros(batch, tall - 1 + down, wide - 1 + across)
        for r in range(down):
            for c in range(across):
                out[:, r : r + tall : stride, c : c + wide : stride] += parts[r, c]
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        parts, ctx.stride = inputs
        ctx.kernel = parts.shape[:2]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (grad,) = grads
        down, across = ctx.kernel
        return grad.unfold(1, down, ctx.stride).unfold(2, across, ctx.stride).permute(3, 4, 0, 1, 2), None


def stacked_convolutions(layers: nn.ModuleList, x: Tensor, *, relu_last: bool) -> Tensor:
    """Convolutions with relu between them, and after the last one where asked: images [K, B, C, H, W] to flat ones
    [K, B, C' H' W'].
    """
    outputs = []
    for layer in cast(Iterable[StackedConvolution], layers):
        check_whole(x, layer.weight)
    of_each_layer = [layer.apart() for layer in cast(Iterable[StackedConvolution], layers)]
    for part, (*hidden, last) in zip(x.unbind(), zip(*of_each_layer, strict=True), strict=True):
        for convolve in hidden:
            part = convolve(part).relu_()  # a convolution's backward does not need its output
        part = last(part)
        outputs.append((part.relu_() if relu_last else part).flatten(1))
    return torch.stack(outputs)


C = TypeVar("C", bound=StackedConvolution)


def stacked_convolution(
    kind: type[C],
    inputs: int,
    outputs: int,
    kernel: int,
    models: int,
    generators: Sequence[torch.Generator] | None,
    *,
    stride: int,
    padding: int,
) -> C:
    """A layer whose model k is drawn from generators[k] in the order weight, bias, as torch.nn's own layers draw; zero
    without generators.
    """
    channels = (outputs, inputs) if kind.INPUTS == 2 else (inputs, outputs)
    weight = torch.zeros(models, *channels, kernel, kernel, device="cpu")  # a seed gives one model on every device
    bias = torch.zeros(models, outputs, device="cpu")
    bound = _bound(weight)
    for k, generator in enumerate(generators or ()):
        weight[k].uniform_(-bound, bound, generator=generator)
        bias[k].uniform_(-bound, bound, generator=generator)
    return kind(weight, bias, stride, padding).to(torch.get_default_device())


def _bound(weight: Tensor) -> float:
    """1/sqrt(fan-in), where torch counts the second axis of a model's weight as the fan-in's, also if transposed."""
    fan_in = weight.shape[2] * weight.shape[3] * weight.shape[4]
    return float(fan_in**-0.5)
