"""Stacked MLP VAEs: K models of one architecture in one module."""

from collections.abc import Sequence

from torch import Tensor

from pyvae.nn.model import StackedModel, check_sizes, generators_of
from pyvae.nn.stacked import stacked_layers, stacked_mlp


class StackedVAE(StackedModel):
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

    ARCHITECTURE = ("inputs", "hidden", "latents")
    TOGETHER = 16

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
        check_sizes(models=models, inputs=inputs, latents=latents, hidden=min(hidden, default=1))
        self.models, self.inputs, self.hidden, self.latents = models, inputs, tuple(hidden), latents
        generators = generators_of(seeds, models)
        self.encoder = stacked_layers([inputs, *hidden, 2 * latents], models, generators)
        self.decoder = stacked_layers([latents, *reversed(hidden), inputs], models, generators)

    def _encode(self, x: Tensor) -> Tensor:
        return stacked_mlp(self.encoder, x)

    def _decode(self, z: Tensor) -> Tensor:
        return stacked_mlp(self.decoder, z)
