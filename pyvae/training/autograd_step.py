"""The training step of any stacked model, by autograd and torch's Adam."""

from collections.abc import Callable, Iterable

from torch import Tensor

from pyvae.losses import Objective
from pyvae.nn import StackedModel
from pyvae.training.optimiser import StackedAdam
from pyvae.training.terms import Seeds, batch_means


class AutogradStep:
    """Forward pass, backward pass and Adam over the model's own parameters."""

    def __init__(
        self, model: StackedModel, likelihood: Callable[[Tensor, Tensor], Tensor], learning_rate: float
    ) -> None:
        self.model, self.likelihood = model, likelihood
        self._adam = StackedAdam(model.parameters(), learning_rate)

    def __call__(
        self,
        x: Tensor,
        seeds: Seeds,
        objective: Objective,
        step: int,
        *,
        log_weights: Tensor | None = None,
        rows: Tensor | None = None,
    ) -> Tensor:
        """Learns from images x [K, M, size], which may have importance weights [K, M] and rows in the data set [K, M];
        the terms' batch means [T, K]. Steps count from 0.
        """
        seen = objective.prepare(x, step=step, seed=seeds.objective)
        decoded, *codes = self.model(seen, seed=seeds.codes, sample=not objective.deterministic)
        reconstruction = self.likelihood(x, decoded)
        terms = objective(reconstruction, *codes, step=step, seed=seeds.objective, log_weights=log_weights, index=rows)
        terms.loss.mean(-1).sum().backward()
        self._adam.step()
        return batch_means(terms)

    def moments(self) -> list[tuple[Tensor, Tensor]]:
        """First and second moment of every parameter in its shape; zeros before the first step."""
        return self._adam.moments()

    def restore(self, moments: Iterable[tuple[Tensor, Tensor]], step: int) -> None:
        """Continues after `step` steps that left these moments, which are copied."""
        self._adam.restore(moments, step)
