"""Which way to take training steps: the one that a short measurement finds faster on this processor.

The fused step's products are this package's own; autograd's are whatever torch was built with. Which of them suits a
processor no name tells, so both train a few small models for some steps, once per process.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyvae.losses import GaussianReconstruction, Objective
from pyvae.nn import StackedModel, StackedVAE, products
from pyvae.nn.products import fastest_in_turn
from pyvae.ops import gaussian_kl
from pyvae.training.autograd_step import AutogradStep
from pyvae.training.chunk import STEPS
from pyvae.training.fused_step import FusedStep
from pyvae.training.terms import Seeds
from pyvae.training.workers import workers

MODELS, BATCH, INPUTS, HIDDEN, LATENTS = 4, 64, 256, (256, 256), 8
REPEATS = 7
MARGIN = 1.25
"""Autograd has to be so many times as fast to be taken: a measurement's noise shall not decide."""


def told() -> str:
    """What the measurement found, and what is taken of it."""
    times = step_times()
    found = ", ".join(f"{name} {1e3 * seconds:.2f} ms" for name, seconds in times.items())
    return f"{_faster()} (a small model's on one thread: {found})"


class _Terms(NamedTuple):
    loss: Tensor
    reconstruction: Tensor
    kl: Tensor


def stepping_of(model: StackedModel, likelihood: Callable[[Tensor, Tensor], Tensor], objective: Objective) -> str:
    """One of pyvae.training.chunk.STEPS."""
    if not FusedStep.serves(model, likelihood, objective):
        return "autograd"
    return _faster()


class Ways(NamedTuple):
    """What measurements choose, and bits depend on: how steps are taken, and whose products layers take."""

    steps: str
    products: str


def found_here() -> Ways:
    """What measurements on this machine choose."""
    return Ways(_faster(), products.faster())


_SETTLED: list[str] = []


@contextmanager
def settled(ways: Ways) -> Iterator[None]:
    """Takes these, as `found_here` found them somewhere, without a measurement."""
    _SETTLED.append(ways.steps)
    try:
        with products.settled(ways.products):
            yield
    finally:
        _SETTLED.pop()


def _faster() -> str:
    if _SETTLED:
        return _SETTLED[-1]
    times = step_times()
    return "autograd" if MARGIN * times["autograd"] < times["fused"] else "fused"


@functools.cache
def step_times() -> dict[str, float]:
    """Seconds that a model's step takes on one thread, by the name of the way: the fastest of a few, since what else
    runs on a machine only adds to them.
    """
    with workers() as pool:
        return pool.submit(_measured).result()


class _ELBO(Objective):
    """The least that an objective can be."""

    strength = "weight"

    def forward(self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, **at: Any) -> _Terms:
        kl = gaussian_kl(mu, logvar)
        return _Terms(reconstruction + kl, reconstruction, kl)


def _measured() -> dict[str, float]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(MODELS, BATCH, INPUTS, generator=generator)
    seeds, objective = Seeds(torch.arange(MODELS), torch.arange(MODELS)), _ELBO(1.0, 0, "constant")
    ways = {
        name: way(StackedVAE(MODELS, INPUTS, HIDDEN, LATENTS, seeds=range(MODELS)), GaussianReconstruction(), 1e-3)
        for name, way in STEPS.items()
    }

    def next_step(take: AutogradStep | FusedStep) -> Callable[[], object]:
        steps = itertools.count()
        return lambda: take(x, seeds, objective, next(steps))

    # The first step makes Adam's state.
    fastest = fastest_in_turn({name: next_step(take) for name, take in ways.items()}, REPEATS)
    return {name: seconds / MODELS for name, seconds in fastest.items()}
