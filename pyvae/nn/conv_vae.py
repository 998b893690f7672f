"""Stacked convolutional VAEs: K models of the architecture that the papers on disentanglement share, in one module."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from pyvae.nn.convolutions import StackedConv2d, StackedConvTranspose2d, stacked_convolution, stacked_convolutions
from pyvae.nn.model import StackedModel, check_sizes, generators_of
from pyvae.nn.stacked import stacked_layers, stacked_mlp

KERNEL, STRIDE, PADDING = 4, 2, 1
"""Of every convolution: each halves an image's sides, and each of the decoder doubles them."""


class StackedConvVAE(StackedModel):
    """K Gaussian VAEs: four convolutions and a hidden layer to (mu, logvar), and the mirrored decoder, with relu
    between all layers (Locatello et al. 2019). Other numbers of both are possible.

    Images are flat, as everywhere in pyvae: channel by channel, row by row.

    Args:
        models: K.
        shape: of an image before it is flattened, (height, width) as a data set's `shape` says, or (channels, height,
            width); sides are multiples of 2 to the number of convolutions.
        latents: size L of the code.
        channels: of the encoder's convolutions, 4 x 4 with stride 2; the decoder has them in reverse.
        hidden: width of the hidden layer, or widths of several; the decoder has them in reverse.
        seeds: K seeds, ints or an int64 tensor [K]; model k is initialised from seeds[k] alone, as torch.nn's layers
            initialise. Without seeds every parameter is zero, for load_state_dict to fill.

    Raises ValueError for sizes below 1, sides that cannot be halved so often, or another number of seeds than models,
    TypeError for seeds that are no whole numbers.
    """

    ARCHITECTURE = ("shape", "latents", "channels", "hidden")
    TOGETHER = 1

    def __init__(
        self,
        models: int,
        shape: Sequence[int] = (64, 64),
        latents: int = 10,
        channels: Sequence[int] = (32, 32, 64, 64),
        hidden: int | Sequence[int] = 256,
        *,
        seeds: Sequence[int] | Tensor | None = None,
    ) -> None:
        super().__init__()
        widths = tuple(hidden) if isinstance(hidden, Sequence) else (int(hidden),)
        check_sizes(models=models, latents=latents, channels=min(channels, default=0), hidden=min(widths, default=0))
        self.shape, self.channels, self.hidden = tuple(shape), tuple(channels), widths
        self.models, self.latents, self.inputs = models, latents, math.prod(shape)
        self._image = _image(self.shape, len(self.channels))
        outer, *sides = self._image
        small = tuple(side // STRIDE ** len(self.channels) for side in sides)
        self._coded = (self.channels[-1], *small)
        width = math.prod(self._coded)
        generators = generators_of(seeds, models)
        steps = list(pairwise((outer, *self.channels)))
        self.encoder_convolutions = nn.ModuleList(
            stacked_convolution(StackedConv2d, i, o, KERNEL, models, generators, stride=STRIDE, padding=PADDING)
            for i, o in steps
        )
        self.encoder = stacked_layers([width, *widths, 2 * latents], models, generators)
        self.decoder = stacked_layers([latents, *reversed(widths), width], models, generators)
        self.decoder_convolutions = nn.ModuleList(
            stacked_convolution(
                StackedConvTranspose2d, o, i, KERNEL, models, generators, stride=STRIDE, padding=PADDING
            )
            for i, o in reversed(steps)
        )

    def _encode(self, x: Tensor) -> Tensor:
        images = x.unflatten(-1, self._image)
        return stacked_mlp(self.encoder, stacked_convolutions(self.encoder_convolutions, images, relu_last=True))

    def _decode(self, z: Tensor) -> Tensor:
        coded = stacked_mlp(self.decoder, z).relu_().unflatten(-1, self._coded)
        return stacked_convolutions(self.decoder_convolutions, coded, relu_last=False)


def _image(shape: tuple[int, ...], convolutions: int) -> tuple[int, ...]:
    """(channels, height, width), checked."""
    image = (1, *shape) if len(shape) == 2 else shape
    multiple = STRIDE**convolutions
    if len(image) != 3 or min(image) < 1 or image[1] % multiple or image[2] % multiple:
        raise ValueError(
            f"shape must be (height, width) or (channels, height, width) with sides that are multiples of {multiple}, "
            f"got {shape}"
        )
    return image
