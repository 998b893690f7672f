"""The InfoVAE (Zhao et al. 2019) with the maximum mean discrepancy; alpha = 1 is the MMD-VAE, near a WAE-MMD."""

import math
from typing import Literal, NamedTuple

from torch import Tensor

from pyvae.losses.objective import Objective, Seed, check_choice, standard_normal_like
from pyvae.losses.terms import kl_beside
from pyvae.ops import squared_mmd
from pyvae.ops.arguments import is_number
from pyvae.ops.registration import exportable


@exportable
class InfoVAETerms(NamedTuple):
    """loss = reconstruction + (1 - alpha) * kl + scaling * mmd, each [..., M].

    `mmd` is the batch's unbiased squared maximum mean discrepancy from the prior, repeated along M: it has no unit, and
    may be below 0 where the two agree.
    """

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor
    mmd: Tensor


class InfoVAE(Objective):
    """reconstruction + (1 - alpha) KL + scaling MMD^2(q(z), p(z)) (Zhao et al. 2019, section 3).

    The MMD compares the batch's codes with as many draws from the prior, by the unbiased statistic of
    pyvae.squared_mmd. Unlike the KL it asks nothing of a single posterior: codes may hold what they like as long as
    all of them together look like the prior.

    Args:
        scaling: weight of the discrepancy between aggregate posterior and prior, at least 0: the paper's
            alpha + lambda - 1.
        alpha: 1 leaves no KL, 0 all of it; at most 1.
        kernel: imq, c / (c + |x - y|^2), or rbf, exp(-|x - y|^2 / c).
        scales: of the kernel, whose mean is taken over them: c in units of 2 D, the prior's mean squared distance.
        warmup_steps: steps over which scaling rises linearly from 0; 0 is a constant scaling.
        schedule: how else scaling changes, such as warmup(25%), linear(100, 1, 5000) or cyclical(1000, 0.5).

    Raises ValueError for a setting out of range, when called with terms of different shapes, and for a batch of one,
    which has no unbiased statistic.
    """

    strength = "scaling"
    symbol = "λ"
    least_rows = 2
    tried = (10.0, 100.0, 1000.0)
    terms = InfoVAETerms._fields
    scaling: float | Tensor

    def __init__(
        self,
        scaling: float | Tensor = 1000.0,
        *,
        alpha: float = 0.0,
        kernel: Literal["imq", "rbf"] = "imq",
        scales: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
        warmup_steps: int = 0,
        schedule: str = "constant",
    ) -> None:
        super().__init__(scaling, warmup_steps, schedule)
        check_choice("kernel", kernel, ("imq", "rbf"))
        if not is_number(alpha) or not -math.inf < alpha <= 1:
            raise ValueError(f"alpha must be a finite number, at most 1, got {alpha}")
        if is_number(scales):
            scales = (scales,)  # type: ignore[assignment]
        if not scales or not all(is_number(scale) and 0 < scale < math.inf for scale in scales):
            raise ValueError(f"scales must be numbers greater than 0, got {scales}")
        self.alpha, self.kernel, self.scales = alpha, kernel, tuple(scales)

    def _terms(
        self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, step: int | None, seed: Seed
    ) -> InfoVAETerms:
        kl = kl_beside(reconstruction, mu, logvar)
        if z.shape[-2] < self.least_rows:
            raise ValueError(
                f"z must hold a batch of at least 2 codes, of which the MMD is defined, got {list(z.shape)}"
            )
        prior = standard_normal_like(z, seed)
        unit = 2.0 * z.shape[-1]
        mmd = squared_mmd(z, prior, kernel=self.kernel, scales=[unit * scale for scale in self.scales]).unsqueeze(-1)
        loss = reconstruction + (1 - self.alpha) * kl + self.strength_at(step) * mmd
        return InfoVAETerms(loss, reconstruction, kl, mmd)
