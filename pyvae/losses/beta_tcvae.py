"""The beta-TCVAE (Chen et al. 2018)."""

import inspect
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Self, get_args

import torch
from torch import Tensor

from pyvae.bank import PosteriorBank
from pyvae.deprecated import warn_of
from pyvae.losses.objective import Objective, Seed, check_choice, check_numbers
from pyvae.losses.terms import check_alike
from pyvae.ops import KLDecomposition, kl_decomposition
from pyvae.ops.minibatch_log_density import Estimator, Method
from pyvae.ops.registration import exportable

BANK: Literal["bank"] = "bank"
"""The estimator that asks a bank."""
EstimatorOrBank = Literal[Estimator, "bank"]


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
    minibatch: the larger it is, the less they are biased. With a bank they are those of the whole data set, and calls
    need the numbers of the minibatch's data points:

        bank = pyvae.PosteriorBank(len(data), latents)
        objective = pyvae.losses.BetaTCVAE(bank=bank)
        terms = objective(reconstruction, z, mu, logvar, index=index)

    Call `objective.eval()` before validation and `objective.train()` after it, as a model's: then the bank stays as it
    is, and images of other data need no index. A config tells of a bank's size alone.

    Args:
        dataset_size: N, how many data points there are; the estimator "full" and a bank given need none.
        alpha: weight of the mutual information, at least 0.
        beta: weight of the total correlation, at least 0.
        gamma: weight of the dimension-wise KL, at least 0.
        estimator: mss, mws, balanced or full, as in pyvae.minibatch_log_density, or bank: the posteriors of all images
            as they were last seen, in a pyvae.PosteriorBank, which `trained_beside` makes where none is given.
        method: auto, exact or gridded, as there.
        rtol: relative error that grids may add to a marginal density, as there.
        warmup_steps: steps over which beta rises linearly from 0; 0 is a constant beta.
        schedule: how else beta changes, such as warmup(25%), linear(100, 1, 5000) or cyclical(1000, 0.5).
        bank: a pyvae.PosteriorBank, whose method and rtol hold.

    Raises ValueError for a setting out of range, and when called with terms of different shapes; else as
    pyvae.kl_decomposition.
    """

    strength = "beta"
    symbol = "β"
    terms = BetaTCVAETerms._fields
    beta: float | Tensor
    bank: PosteriorBank | None

    def __init__(
        self,
        dataset_size: int | None = None,
        *,
        alpha: float = 1.0,
        beta: float | Tensor = 6.0,
        gamma: float = 1.0,
        estimator: EstimatorOrBank = "mss",
        method: Method = "auto",
        rtol: float = 1e-5,
        warmup_steps: int = 0,
        schedule: str = "constant",
        bank: PosteriorBank | None = None,
    ) -> None:
        super().__init__(beta, warmup_steps, schedule)
        check_numbers(alpha=alpha, gamma=gamma)
        check_choice("estimator", estimator, get_args(EstimatorOrBank))
        check_choice("method", method, get_args(Method))
        if not torch.compiler.is_compiling():  # numbers may be open there; the op refuses what this does
            _check_density(dataset_size, estimator, rtol)
        self.dataset_size, self.estimator, self.method, self.rtol = dataset_size, estimator, method, rtol
        self.alpha, self.gamma = alpha, gamma
        self.bank = None
        if bank is not None:
            self._take(bank)

    def _take(self, bank: PosteriorBank) -> None:
        if not isinstance(bank, PosteriorBank):
            raise TypeError(f"bank must be a pyvae.PosteriorBank, got {type(bank).__name__}")
        if self.estimator not in ("mss", BANK):  # the default, or what it will be
            raise ValueError(f"estimator must be {BANK} where a bank is given, got {self.estimator!r}")
        if self.dataset_size not in (None, bank.dataset_size):
            raise ValueError(f"dataset_size must be the bank's, {bank.dataset_size}, got {self.dataset_size}")
        self.bank, self.dataset_size, self.estimator = bank, bank.dataset_size, BANK
        self.method, self.rtol = bank.method, bank.rtol

    @classmethod
    def settings_of(cls) -> dict[str, inspect.Parameter]:
        """But for the bank, which is no plain value: "estimator" tells of one."""
        return {name: parameter for name, parameter in super().settings_of().items() if name != "bank"}

    @property
    def indexed(self) -> bool:
        """With a bank."""
        return self.estimator == BANK

    def trained_beside(self, latents: int, seeds: int | Sequence[int] | Tensor) -> Self:
        """With the estimator "bank" this objective and an empty one, of K stacked models for K seeds."""
        if self.indexed and self.bank is None:
            if self.dataset_size is None:
                raise ValueError("dataset_size must be given for the estimator bank, got None")
            leading = () if isinstance(seeds, int) else (len(seeds),)
            self._take(PosteriorBank(self.dataset_size, latents, leading=leading, method=self.method, rtol=self.rtol))
        return self

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
        assert self.estimator != BANK  # which takes the other way
        parts = kl_decomposition(
            z, mu, logvar, log_weights=log_weights,
            dataset_size=self.dataset_size, estimator=self.estimator, method=self.method, rtol=self.rtol,
        )  # fmt: skip
        return self._of(reconstruction, parts, step)

    def _indexed_terms(
        self,
        reconstruction: Tensor,
        z: Tensor,
        mu: Tensor,
        logvar: Tensor,
        step: int | None,
        seed: Seed,
        index: Tensor | None,
    ) -> BetaTCVAETerms:
        if self.bank is None:
            raise ValueError("bank must be given for the estimator bank: BetaTCVAE(bank=pyvae.PosteriorBank(N, D))")
        if reconstruction.shape != z.shape[:-1]:  # before anything is stored
            expected, got = list(z.shape[:-1]), list(reconstruction.shape)
            raise ValueError(f"reconstruction must have the shape {expected} of the codes, got {got}")
        # By this module's mode, which is not the bank's where objectives share one.
        parts = self.bank.kl_decomposition(z, mu, logvar, index, store=self.training)
        return self._of(reconstruction, parts, step)

    def _of(self, reconstruction: Tensor, parts: KLDecomposition, step: int | None) -> BetaTCVAETerms:
        check_alike(reconstruction=reconstruction, kl=parts.dimwise_kl)
        information, correlation, dimwise = parts
        weighted = self.alpha * information + self.strength_at(step) * correlation + self.gamma * dimwise
        loss = reconstruction + weighted
        return BetaTCVAETerms(loss, reconstruction, information + correlation + dimwise, *parts)


def _check_density(dataset_size: int | None, estimator: EstimatorOrBank, rtol: float) -> None:
    """What pyvae.minibatch_log_density would refuse, before a run and not during one."""
    if not rtol > 0:
        raise ValueError(f"rtol must be greater than 0, got {rtol}")
    if dataset_size is not None and (estimator == "full" or dataset_size < 1):
        expected = "None for the estimator full" if estimator == "full" else "at least 1"
        raise ValueError(f"dataset_size must be {expected}, got {dataset_size}")
