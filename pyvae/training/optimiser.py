"""torch's fused Adam for stacked models, made independent of how many models are stacked."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

MOMENTS = (0.9, 0.999)
"""Adam's decay rates where nothing else is asked for: torch's."""

LANES = 16
"""Float32 numbers in the widest vector register (AVX-512); narrower ones divide it."""


class StackedAdam:
    """torch.optim.Adam(fused=True) over parameters whose elements fill whole vector registers.

    The fused kernel rounds the last elements of a tensor, those that fill no register, differently from the
    others, and which elements are last depends on the number of stacked models. Where a parameter leaves such
    a rest, its storage is padded with zeros and Adam sees storage and padding. (Small: in the study only the
    biases of odd layers are padded.)
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], learning_rate: float, betas: tuple[float, float] = MOMENTS
    ) -> None:
        self._parameters = list(parameters)
        self._updated = [_padded(p) if p.numel() % LANES else p for p in self._parameters]
        self._adam = torch.optim.Adam(self._updated, lr=learning_rate, betas=betas, fused=True)

    def __len__(self) -> int:
        return len(self._parameters)

    def step(self) -> None:
        """One Adam step from the parameters' gradients, which are freed (their memory serves the next
        backward pass).
        """
        for parameter, updated in zip(self._parameters, self._updated, strict=True):
            if updated is not parameter and parameter.grad is not None and updated.grad is not None:
                updated.grad[: parameter.numel()] = parameter.grad.flatten()
                parameter.grad = None
        self._adam.step()
        for parameter, updated in zip(self._parameters, self._updated, strict=True):
            if updated is parameter:
                parameter.grad = None

    def moments(self) -> list[tuple[Tensor, Tensor]]:
        """First and second moment of every parameter in its shape; zeros before the first step."""
        return [(self._moment(p, u, "exp_avg"), self._moment(p, u, "exp_avg_sq")) for p, u in self._pairs()]

    def restore(self, moments: Iterable[tuple[Tensor, Tensor]], step: int) -> None:
        """Continues after `step` steps that left these moments, which are copied."""
        for (_, updated), pair in zip(self._pairs(), moments, strict=True):
            state = {"step": torch.tensor(float(step), device=updated.device)}
            for name, moment in zip(("exp_avg", "exp_avg_sq"), pair, strict=True):
                state[name] = torch.zeros_like(updated)
                state[name].flatten()[: moment.numel()] = moment.flatten()
            self._adam.state[updated] = state

    def _pairs(self) -> list[tuple[nn.Parameter, nn.Parameter]]:
        return list(zip(self._parameters, self._updated, strict=True))

    def _moment(self, parameter: Tensor, updated: Tensor, name: str) -> Tensor:
        state = self._adam.state[updated]
        if not state:
            return torch.zeros_like(parameter)
        moment: Tensor = state[name]
        return moment.flatten()[: parameter.numel()].view(parameter.shape)


def _padded(parameter: nn.Parameter) -> nn.Parameter:
    """A flat parameter of whole registers that begins with `parameter`, which from now on lives in its
    storage.
    """
    size = parameter.numel()
    flat = nn.Parameter(torch.zeros(-(-size // LANES) * LANES, dtype=parameter.dtype, device=parameter.device))
    flat.grad = torch.zeros_like(flat)
    flat.data[:size] = parameter.data.flatten()
    parameter.data = flat.data[:size].view(parameter.shape)
    return flat
