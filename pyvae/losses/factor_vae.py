"""FactorVAE (Kim and Mnih 2018): total correlation by the density ratio that a discriminator learns."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from torch import Tensor
from torch.nn.functional import softplus

from pyvae.losses.objective import Objective, Seed, standard_normal_like
from pyvae.losses.terms import kl_beside
from pyvae.nn import StackedDiscriminator
from pyvae.ops.arguments import is_number, is_whole
from pyvae.ops.registration import exportable
from pyvae.ops.seeds import check_seed

_OWN = 0x666163746F72
"""Makes other seeds of a model's."""


@exportable
class FactorVAETerms(NamedTuple):
    """loss = reconstruction + kl + gamma * total_correlation, each [..., M] in nats.

    `total_correlation` is the discriminator's logit, `discriminator` its own loss, a cross entropy that is log 2 where
    it tells nothing apart. The loss has the value of its equation, and the gradient of `discriminator` as well.
    """

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor
    total_correlation: Tensor
    discriminator: Tensor


class FactorVAE(Objective):
    """reconstruction + KL + gamma * TC (Kim and Mnih 2018, eq. 2), TC by a discriminator trained beside the model.

    The discriminator tells codes of the batch from codes whose latents are permuted over the batch, each on its own;
    its logit, log D/(1 - D), estimates log q(z) / prod_d q(z_d). It is taken as it is, never from D: in float32 that is
    infinite from a logit of 17 on.

        objective = FactorVAE(gamma=35.0).trained_beside(latents=10, seeds=0)
        optimiser = torch.optim.Adam([{"params": model.parameters()}, *objective.parameter_groups()])

    One `loss.mean().backward()` then gives the model the gradients of the loss, through a discriminator that stands
    still, and the discriminator those of its own, through codes that stand still; one optimiser takes both steps. (The
    paper permutes a second minibatch and steps the discriminator after the model; here the same one serves both.)

    Args:
        gamma: weight of the total correlation, at least 0.
        discriminator: widths of its hidden layers, leaky relu with slope 0.2. The paper's are six of 1000: five million
            parameters beside a model's few hundred thousand.
        discriminator_rate: its learning rate, with Adam's moments 0.5 and 0.9, the paper's.
        warmup_steps: steps over which gamma rises linearly from 0; 0 is a constant gamma.
        schedule: how else gamma changes, such as warmup(25%), linear(100, 1, 5000) or cyclical(1000, 0.5).

    Raises ValueError for a setting out of range, when called with terms of different shapes, and before
    `trained_beside`.
    """

    strength = "gamma"
    symbol = "γ"
    tried = (10.0, 35.0, 100.0)
    comparable = False
    terms = FactorVAETerms._fields
    gamma: float | Tensor

    def __init__(
        self,
        gamma: float | Tensor = 35.0,
        *,
        discriminator: tuple[int, ...] = (256, 256, 256),
        discriminator_rate: float = 1e-4,
        warmup_steps: int = 0,
        schedule: str = "constant",
    ) -> None:
        super().__init__(gamma, warmup_steps, schedule)
        if isinstance(discriminator, int):
            raise TypeError(f"discriminator must be a tuple with the width of each hidden layer, got {discriminator}")
        if not discriminator or not all(is_whole(width) and width >= 1 for width in discriminator):
            raise ValueError(f"discriminator must be widths of at least 1, got {discriminator}")
        if not is_number(discriminator_rate) or not 0 < discriminator_rate < math.inf:
            raise ValueError(f"discriminator_rate must be greater than 0, got {discriminator_rate}")
        self.discriminator, self.discriminator_rate = tuple(discriminator), discriminator_rate
        self.network: StackedDiscriminator | None = None

    def trained_beside(self, latents: int, seeds: int | Sequence[int] | Tensor) -> Self:
        numbers: Any = seeds.flatten().tolist() if isinstance(seeds, Tensor) else [seeds] if is_whole(seeds) else seeds
        each = [check_seed(seed) ^ _OWN for seed in numbers]  # not the model's, which may be initialised from the same
        self.network = StackedDiscriminator(len(each), latents, self.discriminator, seeds=each)
        return self

    def parameter_groups(self) -> list[dict[str, Any]]:
        found = super().parameter_groups()
        return [{**group, "lr": self.discriminator_rate, "betas": (0.5, 0.9)} for group in found]

    def _terms(
        self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, step: int | None, seed: Seed
    ) -> FactorVAETerms:
        kl = kl_beside(reconstruction, mu, logvar)
        network = self._network_for(z)
        codes = (z.unsqueeze(0) if z.dim() == 2 else z).to(next(network.parameters()).dtype)
        total_correlation = network(codes, frozen=True).view_as(kl)
        real, apart = codes.detach(), permuted(codes.detach(), seed)
        tells = 0.5 * (softplus(-network(real)) + softplus(network(apart))).view_as(kl)
        loss = reconstruction + kl + self.strength_at(step) * total_correlation
        return FactorVAETerms(loss + (tells - tells.detach()), reconstruction, kl, total_correlation, tells)

    def _network_for(self, z: Tensor) -> StackedDiscriminator:
        if self.network is None:
            raise ValueError("objective must have its discriminator: call trained_beside(latents, seeds) first")
        expected = (self.network.models, self.network.latents)
        models = 1 if z.dim() == 2 else z.shape[0]
        if z.dim() not in (2, 3) or (models, z.shape[-1]) != expected:
            shape = f"[{expected[0]}, M, {expected[1]}]" + (f" or [M, {expected[1]}]" if expected[0] == 1 else "")
            raise ValueError(f"z must have the shape {shape} of the discriminator, got {list(z.shape)}")
        return self.network


def permuted(z: Tensor, seed: int | Tensor | None = None) -> Tensor:
    """Codes [..., M, D] with every latent permuted over the batch on its own: as if drawn from prod_d q(z_d).

    With a seed, as pyvae.reparameterize takes it, a model's permutations are the same alone and in a stack. The seed
    may be the one that the codes were drawn with: what is drawn here is unrelated.
    """
    return z.gather(-2, standard_normal_like(z, seed).argsort(dim=-2, stable=True))
