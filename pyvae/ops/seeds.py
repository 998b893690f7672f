"""The seed of the ops that draw noise, as a public function takes it and as the op takes it."""

from typing import Any

import torch
from torch import Tensor

from pyvae.ops.arguments import is_distributed, is_known, is_whole, short_name, traced_number

_LEAST, _MOST = -(2**63), 2**63 - 1


def seed_tensor(seed: int | Tensor | None, generator: torch.Generator | None, mu: Tensor) -> Tensor:
    """The seed as an int64 tensor on mu's device; drawn from the generator if there is none.

    Raises:
        TypeError: for a seed that is no integer, or a generator that is none.
        ValueError: for a seed outside of int64, on another device, or of a shape that is no prefix of mu's, and for a
            seed together with a generator.
    """
    if type(seed) is int and generator is None and _LEAST <= seed <= _MOST and not torch.compiler.is_compiling():
        return torch.full((), seed, dtype=torch.int64, device=mu.device)  # most calls: nothing to ask
    check_generator(generator)
    if seed is None:
        return torch.randint(-(2**63), 2**63 - 1, (), dtype=torch.int64, device=mu.device, generator=generator)
    if generator is not None:
        raise ValueError("generator must be None when a seed is given: the seed alone decides what is drawn.")
    seed = traced_number(seed)
    if isinstance(seed, Tensor):
        _check(seed, mu)
        return seed
    number = check_seed(seed, "an int or an int64 tensor")
    return torch.full((), number, dtype=torch.int64, device=mu.device)


def check_seed(seed: Any, expected: str = "an int") -> int:
    """A seed of Python or numpy as an int.

    Raises:
        TypeError: for a seed that is no integer.
        ValueError: for one outside of int64.
    """
    if not is_whole(seed):
        raise TypeError(f"seed must be {expected}, got {type(seed).__name__}.")
    if is_known(seed < -(2**63)) or is_known(seed >= 2**63):
        raise ValueError(f"seed must fit in 64 bits, signed, got {seed}.")
    return int(seed)


def check_generator(generator: Any) -> None:
    """Raises TypeError for anything but a generator or None; lists of them are what other libraries take."""
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator must be a torch.Generator or None, got {type(generator).__name__}: for a stream of each model "
            "or row pass a seed tensor of their shape, such as seed=torch.tensor([1, 2])."
        )


def _check(seed: Tensor, mu: Tensor) -> None:
    if is_distributed(seed):
        raise TypeError("seed must be a plain tensor where mu is one, got a DTensor: pass seed.full_tensor().")
    if seed.dtype != torch.int64:
        raise TypeError(f"seed must be an int or an int64 tensor, got a {short_name(seed.dtype)} tensor.")
    if seed.device != mu.device:
        raise ValueError(f"seed must be on the device of mu, {mu.device}, got {seed.device}.")
    if seed.shape != mu.shape[: seed.dim()]:
        raise ValueError(f"seed must have a shape that is a prefix of mu's {list(mu.shape)}, got {list(seed.shape)}.")
