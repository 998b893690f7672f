"""The training step of stacked relu MLPs in two calls, with the objective in torch between them.

All parameters of a model lie in one run of memory, and so do their moments: one or two models with everything that is
theirs fit a cache, and many steps of theirs are taken before the next.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from pyvae.losses import Objective
from pyvae.nn import StackedModel, StackedVAE
from pyvae.ops.stacked_vae import Encoded, StackedShape, stacked_vae_forward, stacked_vae_update
from pyvae.training.terms import Seeds, batch_means

ALIGNED = 16
"""Parameters begin at a multiple of so many numbers: a register of AVX-512 holds 16, a line of the cache too."""


class FusedStep:
    """Takes over the storage of the model's parameters, which stay its parameters."""

    def __init__(self, model: StackedModel, likelihood: Any, learning_rate: float) -> None:
        assert isinstance(model, StackedVAE)
        self.model, self.learning_rate = model, learning_rate
        layers = [*model.encoder, *model.decoder]
        self._parameters = [parameter for layer in layers for parameter in (layer.weight, layer.bias)]
        self._offsets, size = [], 0
        for parameter in self._parameters:
            self._offsets.append(size)
            size += -(-parameter[0].numel() // ALIGNED) * ALIGNED
        kind, variance = likelihood.fused
        self._shape = StackedShape(
            (model.inputs, *model.hidden, 2 * model.latents),
            (model.latents, *reversed(model.hidden), model.inputs),
            tuple(self._offsets),
            kind,
            variance,
        )
        self._values, *self._moments = (torch.zeros(model.models, size) for _ in range(3))
        for parameter, view in zip(self._parameters, self._views(self._values), strict=True):
            view.copy_(parameter.detach())
            parameter.data = view

    @staticmethod
    def serves(model: StackedModel, likelihood: Callable[[Tensor, Tensor], Tensor], objective: Objective) -> bool:
        """Whether there is a fused step for this model and likelihood, and an objective that samples codes of the very
        images that it compares with.
        """
        first = next(model.parameters())
        known = getattr(likelihood, "fused", None) is not None
        plain = type(objective).prepare is Objective.prepare and not objective.deterministic
        fits = type(model) is StackedVAE and first.device.type == "cpu" and first.dtype == torch.float32
        return known and plain and fits

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
        encoded = stacked_vae_forward(x, seeds.codes, self._values, self._shape)
        inputs = [value.requires_grad_() for value in encoded[:4]]
        terms = objective(*inputs, step=step, seed=seeds.objective, log_weights=log_weights, index=rows)
        beside = list(objective.parameters())
        # The batch mean's gradient, given at once: its own operations would take as long as the objective's.
        mean = torch.full_like(terms.loss, 1 / terms.loss.shape[-1])
        grads = torch.autograd.grad(terms.loss, [*inputs, *beside], mean, allow_unused=True, materialize_grads=True)
        for parameter, grad in zip(beside, grads[len(inputs) :], strict=True):
            parameter.grad = grad
        detached = Encoded(*(value.detach() for value in encoded))
        stacked_vae_update(
            grads[: len(inputs)], x, seeds.codes, detached, self._values, (self._moments[0], self._moments[1]),
            self._shape, learning_rate=self.learning_rate, step=step + 1,
        )  # fmt: skip
        return batch_means(terms)

    def moments(self) -> list[tuple[Tensor, Tensor]]:
        """First and second moment of every parameter in its shape; zeros before the first step."""
        first, second = (self._views(moment) for moment in self._moments)
        return list(zip(first, second, strict=True))

    def restore(self, moments: Iterable[tuple[Tensor, Tensor]], step: int) -> None:
        """Continues after steps that left these moments, which are copied."""
        for mine, theirs in zip(self.moments(), moments, strict=True):
            for here, there in zip(mine, theirs, strict=True):
                here.copy_(there)

    def _views(self, matrix: Tensor) -> list[Tensor]:
        """A matrix [K, P] as what each parameter has in it, in the parameter's shape."""
        return [
            matrix[:, offset : offset + parameter[0].numel()].view(parameter.shape)
            for offset, parameter in zip(self._offsets, self._parameters, strict=True)
        ]
