"""
Each client before and after from the same noise, and how far losses and parameters end from each other:

    python -m examples.drop_ins.compare              # all that are installed
    python -m examples.drop_ins.compare plain_torch
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

import pyvae

CLIENTS = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != "compare")


class SameNoise(TorchFunctionMode):
    """torch's normal noise is pyvae's in here.

    pyvae draws the seed of its noise from torch's generator. Where torch's own functions do the same, two programs that
    draw in the same order after one torch.manual_seed get the same noise, whichever of the two they draw it by.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None) -> Tensor:
        kwargs = dict(kwargs or {})
        if function is torch.randn_like:
            return noise(torch.zeros_like(*args, **kwargs))
        if function is torch.randn:
            generator = kwargs.pop("generator", None)
            return noise(torch.zeros(*args, **kwargs), generator)
        if function is Tensor.normal_ and len(args) == 1 and not kwargs:  # how torch.distributions draw
            return args[0].copy_(noise(torch.zeros_like(args[0])))
        return function(*args, **kwargs)


def noise(zeros: Tensor, generator: torch.Generator | None = None) -> Tensor:
    return pyvae.reparameterize(zeros, zeros, generator=generator)


class Difference(NamedTuple):
    """Of two ways to train a client."""

    losses: float
    """The largest of a step, relative to the loss."""
    parameters: float
    """The largest at the end."""
    moved: float
    """How far the parameters went from the first step to the last, for comparison."""


def difference(client, way, other, seed: int = 0, steps: int = 5, **settings) -> Difference:
    """From the same noise."""
    with SameNoise():
        _, first = client.train(way, seed, 1, **settings)
        losses, parameters = client.train(way, seed, steps, **settings)
        others, other_parameters = client.train(other, seed, steps, **settings)
    of_losses = max(abs(a / b - 1) for a, b in zip(losses, others, strict=True))
    return Difference(of_losses, largest(parameters, other_parameters), largest(parameters, first))


def largest(parameters: list[Tensor], others: list[Tensor]) -> float:
    return max((a - b).abs().max().item() for a, b in zip(parameters, others, strict=True))


def main() -> None:
    for name in sys.argv[1:] or CLIENTS:
        try:
            client = import_module(f"examples.drop_ins.{name}")
        except ImportError as error:
            print(f"{name:18s} is left out: {error}")
            continue
        for way in (client.before, getattr(client, "repaired", None)):
            if way is not None:
                found = difference(client, way, client.after)
                print(
                    f"{name:18s} {way.__name__:8s} losses {found.losses:.0e}, "
                    f"parameters {found.parameters:.0e} (they moved by {found.moved:.0e})"
                )


if __name__ == "__main__":
    main()
