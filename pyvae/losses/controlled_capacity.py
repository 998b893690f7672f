"""Controlled capacity increase (Burgess et al. 2018), the "AnnealedVAE" of Locatello et al. 2019."""

from typing import Literal, NamedTuple

from torch import Tensor

from pyvae.losses.objective import Objective, Seed, check_choice, check_numbers
from pyvae.losses.terms import kl_beside
from pyvae.ops.registration import exportable


@exportable
class ControlledCapacityTerms(NamedTuple):
    """loss = reconstruction + gamma * |KL - capacity|, each [..., M] in nats.

    `capacity_gap` is |KL - capacity|, of the batch's mean KL repeated along M, or of each item.
    """

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor
    capacity_gap: Tensor


class ControlledCapacity(Objective):
    """reconstruction + gamma * |KL - C| (Burgess et al. 2018, eq. 8): the code holds C nats, not as few as it can.

    With a schedule such as warmup(100000) C grows from 0, which is the paper's annealed form.

    Args:
        capacity: nats that the code shall hold, at least 0; the strength, which is what Locatello et al. vary.
        gamma: weight of the distance from C, at least 0.
        per: batch, the distance of the batch's mean KL, as in Locatello et al.'s code; item, of each image's KL, as the
            paper writes it.
        warmup_steps: steps over which capacity rises linearly from 0; 0 is a constant capacity.
        schedule: how else capacity changes, such as warmup(25%), linear(100, 1, 5000) or cyclical(1000, 0.5).

    Raises ValueError for a setting out of range, and when called with terms of different shapes.
    """

    strength = "capacity"
    symbol = "C"
    tried = (5.0, 10.0, 25.0)
    terms = ControlledCapacityTerms._fields
    capacity: float | Tensor

    def __init__(
        self,
        capacity: float | Tensor = 25.0,
        *,
        gamma: float = 1000.0,
        per: Literal["batch", "item"] = "batch",
        warmup_steps: int = 0,
        schedule: str = "constant",
    ) -> None:
        super().__init__(capacity, warmup_steps, schedule)
        check_numbers(gamma=gamma)
        check_choice("per", per, ("batch", "item"))
        self.gamma, self.per = gamma, per

    def _terms(
        self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, step: int | None, seed: Seed
    ) -> ControlledCapacityTerms:
        kl = kl_beside(reconstruction, mu, logvar)
        held = kl if self.per == "item" else kl.mean(-1, keepdim=True)
        gap = (held - self.strength_at(step)).abs()
        loss = reconstruction + self.gamma * gap
        return ControlledCapacityTerms(loss, reconstruction, kl, gap)
