"""A clock that evaluations move, so that timings have known answers."""

from collections.abc import Callable

import torch

from pyvae.bench.cases import BACKWARD, DENSITY, Case
from pyvae.bench.ceilings import Ceilings

CEILINGS = Ceilings(multiply_adds_per_second=1e11, copy_bytes_per_second=1e10)


def case(rows: int, latents: int = 10, direction: str = BACKWARD, op: str = DENSITY) -> Case:
    return Case(op, rows, latents, direction)


class FakeClock:
    """Time that passes only inside of evaluations."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def __call__(self) -> float:
        return self.now

    def evaluation(self, name: str, *seconds: float, value: float = 1.0) -> Callable[[], tuple[torch.Tensor, ...]]:
        """Takes `seconds` in turn, the last of them from then on."""
        left = list(seconds)

        def evaluate() -> tuple[torch.Tensor, ...]:
            self.now += left.pop(0) if len(left) > 1 else left[0]
            self.calls.append(name)
            return (torch.tensor(value),)

        return evaluate
