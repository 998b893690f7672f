"""Whose products the layers of stacked models take on the CPU: this package's own where a short measurement finds them
clearly faster than those of the library that torch was built with.
"""

import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

from pyvae.ops import stacked_affine
from pyvae.ops.arguments import is_distributed
from pyvae.ops.stacked_affine import serves

MODELS, ROWS, INPUTS, OUTPUTS = 8, 64, 256, 256
REPEATS = 7
MARGIN = 1.25
"""Own products have to be so many times as fast: a measurement's noise shall not decide, since bits depend on it."""

Affine = Callable[..., Tensor]
Name = TypeVar("Name")


def affine(x: Tensor, weight: Tensor, bias: Tensor, *, relu: bool) -> Tensor:
    """x W + b of K models, [K, B, inputs] and [K, inputs, outputs] to [K, B, outputs], below 0 as 0 with `relu`."""
    # A mode sees what is called, and is not to see a measurement.
    if serves(x, weight, bias) and torch._C._len_torch_dispatch_stack() == 0 and faster() == "own":
        return stacked_affine(x, weight, bias, relu=relu)
    return by_torch(x, weight, bias, relu=relu)


def by_torch(x: Tensor, weight: Tensor, bias: Tensor, *, relu: bool) -> Tensor:
    """The same by torch alone."""
    check_whole(x, weight)
    y = torch.baddbmm(bias, x, weight)
    return y.relu_() if relu else y  # in place: an affine map's backward does not need its output


def check_whole(x: Tensor, weight: Tensor) -> None:
    """Raises TypeError for a layer's parameters that lie in parts with other processes, but not the layer's input."""
    if is_distributed(weight) and not is_distributed(x):
        raise TypeError(
            "weight must be a plain tensor where x is one, got a DTensor: give fully_shard the whole stack, not its "
            "convolutions, and call what it was given; torch.distributed.fsdp.register_fsdp_forward_method adds "
            "methods to that."
        )


_SETTLED: list[str] = []


@contextmanager
def settled(way: str) -> Iterator[None]:
    """Takes own or torch, as `faster` found somewhere, without a measurement: what many processes do must not depend on
    what each of them measures.
    """
    _SETTLED.append(way)
    try:
        yield
    finally:
        _SETTLED.pop()


def faster() -> str:
    """The one that is taken: own or torch."""
    if _SETTLED:
        return _SETTLED[-1]
    times = product_times()
    return "own" if MARGIN * times["own"] < times["torch"] else "torch"


def told() -> str:
    """What the measurement found, and what is taken of it."""
    found = ", ".join(f"{name} {1e3 * seconds:.2f} ms" for name, seconds in product_times().items())
    return f"products by {faster()} ({MODELS} models forward and backward: {found})"


def product_times() -> dict[str, float]:
    """Seconds forward and backward, of the fastest of a few, since what else runs on a machine only adds to them. Once
    per process, whichever of its threads asks first.
    """
    with _ONE_AT_A_TIME:
        return _measured()


_ONE_AT_A_TIME = threading.Lock()


@functools.cache
def _measured() -> dict[str, float]:
    with torch.enable_grad(), torch.random.fork_rng(devices=[]), torch.device("cpu"):
        shapes = (MODELS, ROWS, INPUTS), (MODELS, INPUTS, OUTPUTS), (MODELS, 1, OUTPUTS)
        leaves = [torch.randn(shape, dtype=torch.float32).requires_grad_() for shape in shapes]

        def both_ways(way: Affine) -> Callable[[], object]:
            return lambda: torch.autograd.grad(way(*leaves, relu=True).sum(), leaves)

        return fastest_in_turn({"own": both_ways(stacked_affine), "torch": both_ways(by_torch)}, REPEATS)


def fastest_in_turn(ways: Mapping[Name, Callable[[], object]], repeats: int) -> dict[Name, float]:
    """Seconds of each way's fastest call of `repeats`, taken in turn after a first call that does not count."""
    times: dict[Name, list[float]] = {name: [] for name in ways}
    for _ in range(1 + repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - start)
    return {name: min(taken[1:]) for name, taken in times.items()}
