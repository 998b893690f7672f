"""The beta-TCVAE (Chen et al. 2018)."""

from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor

from pyvae.deprecated import warn_of
from pyvae.losses.objective import Objective, Seed, check_choice, check_numbers
from pyvae.losses.terms import check_alike
from pyvae.ops import kl_decomposition
from pyvae.ops.minibatch_log_density import Estimator, Method
from pyvae.ops.registration import exportable


@exportable
class BetaTCVAETerms(NamedTuple):
    """loss = reconstruction + alpha * mutual_information + beta * total_correlation + gamma * dimwise_kl.

    Each [..., M] in nats; kl is the sum of the three parts, log q(z|x) - log p(z) whatever the estimator.
    """

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor
    mutual_information: Tensor
    total_correlation: Tensor
    dimwise_kl: Tensor

    def mean(self, *args: Any, **kwargs: Any) -> Tensor:
        """Until pyvae 0.2, of the loss, which used to be all of the answer."""
        warn_of("mean() of an objective's answer", "its .loss.mean()")
        return self.loss.mean(*args, **kwargs)


class BetaTCVAE(Objective):
    """reconstruction + alpha * MI + beta * TC + gamma * dimension-wise KL (Chen et al. 2018, eq. 4).

    With all three weights 1 the three parts add up to the sampled KL. They are pyvae.kl_decomposition's, from one
    minibatch: the larger it is, the less they are biased.

    Args:
        dataset_size: N, how many data points there are; only the estimator "full" takes none.
        alpha: weight of the mutual information, at least 0.
        beta: weight of the total correlation, at least 0.
        gamma: weight of the dimension-wise KL, at least 0.
        estimator: mss, mws, balanced or full, as in pyvae.minibatch_log_density.
        method: auto, exact or gridded, as there.
        rtol: relative error that grids may add to a marginal density, as there.
        warmup_steps: steps over which beta rises linearly from 0; 0 is a constant beta.
        schedule: how else beta changes, such as warmup(25%), linear(100, 1, 5000) or cyclical(1000, 0.5).

    Raises ValueError for a setting out of range, and when called with terms of different shapes; else as
    pyvae.kl_decomposition.
    """

    strength = "beta"
    symbol = "β"
    terms = BetaTCVAETerms._fields
    beta: float | Tensor

    def __init__(
        self,
        dataset_size: int | None = None,
        *,
        alpha: float = 1.0,
        beta: float | Tensor = 6.0,
        gamma: float = 1.0,
        estimator: Estimator = "mss",
        method: Method = "auto",
        rtol: float = 1e-5,
        warmup_steps: int = 0,
        schedule: str = "constant",
    ) -> None:
        super().__init__(beta, warmup_steps, schedule)
        check_numbers(alpha=alpha, gamma=gamma)
        check_choice("estimator", estimator, get_args(Estimator))
        check_choice("method", method, get_args(Method))
        if not torch.compiler.is_compiling():  # numbers may be open there; the op refuses what this does
            _check_density(dataset_size, estimator, rtol)
        self.dataset_size, self.estimator, self.method, self.rtol = dataset_size, estimator, method, rtol
        self.alpha, self.gamma = alpha, gamma

    def _terms(
        self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, step: int | None, seed: Seed
    ) -> BetaTCVAETerms:
        return self._weighed_terms(reconstruction, z, mu, logvar, step, seed, None)

    def _weighed_terms(
        self,
        reconstruction: Tensor,
        z: Tensor,
        mu: Tensor,
        logvar: Tensor,
        step: int | None,
        seed: Seed,
        log_weights: Tensor | None,
    ) -> BetaTCVAETerms:
        parts = kl_decomposition(
            z, mu, logvar, log_weights=log_weights,
            dataset_size=self.dataset_size, estimator=self.estimator, method=self.method, rtol=self.rtol,
        )  # fmt: skip
        check_alike(reconstruction=reconstruction, kl=parts.dimwise_kl)
        information, correlation, dimwise = parts
        weighted = self.alpha * information + self.strength_at(step) * correlation + self.gamma * dimwise
        loss = reconstruction + weighted
        return BetaTCVAETerms(loss, reconstruction, information + correlation + dimwise, *parts)


def _check_density(dataset_size: int | None, estimator: Estimator, rtol: float) -> None:
    """What pyvae.minibatch_log_density would refuse, before a run and not during one."""
    if not rtol > 0:
        raise ValueError(f"rtol must be greater than 0, got {rtol}")
    if dataset_size is not None and (estimator == "full" or dataset_size < 1):
        expected = "None for the estimator full" if estimator == "full" else "at least 1"
        raise ValueError(f"dataset_size must be {expected}, got {dataset_size}")
