"""What is trained beside a stack of models, a discriminator of the objective or a variance of the likelihood, and what
the objective keeps of images, the rows of a bank.
"""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from pyvae.losses import Objective
from pyvae.training.optimiser import MOMENTS, StackedAdam


class Companions:
    """The parameters of an objective and a likelihood [K, …], for K stacked models, with their optimisers."""

    def __init__(
        self, objective: Objective, likelihood: Callable[[Tensor, Tensor], Tensor], learning_rate: float
    ) -> None:
        owners = {"objective": objective, "likelihood": likelihood}
        names = {
            parameter: f"{owner}.{name}"
            for owner, module in owners.items()
            if isinstance(module, nn.Module)
            for name, parameter in module.named_parameters()
        }
        self.kept: dict[str, Tensor] = {
            f"objective.{name}": tensor
            for name, tensor in objective.state_dict().items()
            if name not in dict(objective.named_parameters())
        }
        """Buffers [K, …] of the objective, which change as it is called."""
        groups = objective.parameter_groups()
        if isinstance(likelihood, nn.Module) and (own := list(likelihood.parameters())):
            groups.append({"params": own})
        if unknown := {key for group in groups for key in group} - {"params", "lr", "betas"}:
            raise ValueError(f"parameter_groups must have params, lr and betas, got {', '.join(sorted(unknown))}")
        self.named: dict[str, nn.Parameter] = {names[p]: p for group in groups for p in group["params"]}
        self._adams = [
            StackedAdam(group["params"], group.get("lr", learning_rate), group.get("betas", MOMENTS))
            for group in groups
        ]

    def step(self) -> None:
        """One step of every optimiser from the parameters' gradients, which are freed."""
        for adam in self._adams:
            adam.step()

    def keep(self, values: Mapping[str, Tensor]) -> None:
        """Copies values into `kept`."""
        for name, tensor in self.kept.items():
            tensor.copy_(values[name])

    def moments(self) -> list[tuple[Tensor, Tensor]]:
        """First and second moment of every parameter, in the order of `named`."""
        return [pair for adam in self._adams for pair in adam.moments()]

    @torch.no_grad()
    def restore(self, values: Iterable[Tensor], moments: Iterable[tuple[Tensor, Tensor]], step: int) -> None:
        """Continues after `step` steps that left these parameters and moments, which are copied."""
        for parameter, value in zip(self.named.values(), values, strict=True):
            parameter.copy_(value)
        pairs = iter(moments)
        for adam in self._adams:
            adam.restore([next(pairs) for _ in range(len(adam))], step)
