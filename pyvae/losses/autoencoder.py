"""Autoencoders, whose codes are deterministic: the plain, the regularised (Ghosh et al. 2020) and the denoising one
(Vincent et al. 2008).
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pyvae.losses.objective import Objective, Seed, check_choice, standard_normal_like
from pyvae.losses.terms import check_alike
from pyvae.ops.arguments import compute_dtype
from pyvae.ops.registration import exportable


@exportable
class AutoencoderTerms(NamedTuple):
    """The loss, the reconstruction and `code_norm`, which is |mu|^2 / 2; each [..., M]."""

    loss: Tensor
    reconstruction: Tensor
    code_norm: Tensor


class Autoencoder(Objective):
    """reconstruction + weight * |mu|^2 / 2: codes are the encoder's means, and its variances are not used.

    weight = 0 is the plain autoencoder, a small weight the regularised one of Ghosh et al. 2020, without its term of
    the decoder. There is no KL, and no ELBO. Nothing fixes the codes' scale but the weight, and a decoder can make up
    for small ones: variances of means say little here.

    Args:
        weight: of the codes' squared norm, at least 0.
        warmup_steps: steps over which weight rises linearly from 0; 0 is a constant weight.
        schedule: how else weight changes, such as warmup(25%), linear(100, 1, 5000) or cyclical(1000, 0.5).

    Raises ValueError for a setting out of range, and when called with terms of different shapes.
    """

    strength = "weight"
    symbol = "weight"
    tried = (0.0, 0.01, 0.1)
    terms = AutoencoderTerms._fields
    deterministic = True
    weight: float | Tensor

    def __init__(self, weight: float | Tensor = 0.0, *, warmup_steps: int = 0, schedule: str = "constant") -> None:
        super().__init__(weight, warmup_steps, schedule)

    def _terms(
        self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, step: int | None, seed: Seed
    ) -> AutoencoderTerms:
        norm = _norm_beside(reconstruction, mu)
        loss = reconstruction + self.strength_at(step) * norm
        return AutoencoderTerms(loss, reconstruction, norm)


class DenoisingAutoencoder(Objective):
    """An autoencoder that sees corrupted images and is compared with clean ones (Vincent et al. 2008, 2010).

    The encoder's input is `prepare(x, step=step, seed=seed)`; the loss is the reconstruction of x itself.

    Args:
        corruption: standard deviation of gaussian noise, in the images' unit, at least 0; for masking the
            probability of each number to become 0, from 1 on all of them.
        noise: gaussian or masking.
        warmup_steps: steps over which corruption rises linearly from 0; 0 is a constant corruption.
        schedule: how else corruption changes, such as warmup(25%), linear(100, 1, 5000) or cyclical(1000, 0.5).

    Raises ValueError for a setting out of range, and when called with terms of different shapes.
    """

    strength = "corruption"
    symbol = "corruption"
    tried = (0.1, 0.3, 0.5)
    terms = AutoencoderTerms._fields
    deterministic = True
    corruption: float | Tensor

    def __init__(
        self,
        corruption: float | Tensor = 0.3,
        *,
        noise: Literal["gaussian", "masking"] = "gaussian",
        warmup_steps: int = 0,
        schedule: str = "constant",
    ) -> None:
        super().__init__(corruption, warmup_steps, schedule)
        check_choice("noise", noise, ("gaussian", "masking"))
        self.noise = noise

    def prepare(self, x: Tensor, *, step: int | None = None, seed: Seed = None) -> Tensor:
        noise = standard_normal_like(x, seed)
        corruption = self.strength_at(step)
        if isinstance(corruption, Tensor):
            corruption = corruption.unsqueeze(-1)  # [K, 1] of items, here of numbers
        if self.noise == "gaussian":
            return (x + corruption * noise).to(x.dtype)
        # A normal number is below the quantile of a share with this probability.
        share = noise.new_full((), corruption) if not isinstance(corruption, Tensor) else corruption
        quantile = torch.special.ndtri(share.to(compute_dtype(x)).clamp(max=1))
        return x.masked_fill(noise < quantile, 0.0)

    def _terms(
        self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, step: int | None, seed: Seed
    ) -> AutoencoderTerms:
        norm = _norm_beside(reconstruction, mu)
        return AutoencoderTerms(reconstruction, reconstruction, norm)


def _norm_beside(reconstruction: Tensor, mu: Tensor) -> Tensor:
    """|mu|^2 / 2, [..., M]; refuses a reconstruction of another shape."""
    norm = 0.5 * mu.to(compute_dtype(mu)).square().sum(-1)
    check_alike(reconstruction=reconstruction, code_norm=norm)
    return norm
