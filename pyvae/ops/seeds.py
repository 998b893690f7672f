"""The seed of the ops that draw noise, as a public function takes it and as the op takes it."""

import numbers

import torch
from torch import Tensor


def seed_tensor(seed: int | Tensor | None, generator: torch.Generator | None, mu: Tensor) -> Tensor:
    """The seed as an int64 tensor on mu's device; drawn from the generator if there is none.

    Raises:
        TypeError: for a seed that is no integer.
        ValueError: for a seed outside of int64, on another device, or of a shape that is no prefix of mu's, and for a
            seed together with a generator.
    """
    if seed is None:
        return torch.randint(-(2**63), 2**63 - 1, (), dtype=torch.int64, device=mu.device, generator=generator)
    if generator is not None:
        raise ValueError("generator must be None when a seed is given: the seed alone decides what is drawn.")
    if isinstance(seed, Tensor):
        _check(seed, mu)
        return seed
    if not isinstance(seed, numbers.Integral) or isinstance(seed, bool):
        raise TypeError(f"seed must be an int or an int64 tensor, got {type(seed).__name__}.")
    if not -(2**63) <= seed < 2**63:
        raise ValueError(f"seed must fit in 64 bits, signed, got {seed}.")
    return torch.full((), int(seed), dtype=torch.int64, device=mu.device)


def _check(seed: Tensor, mu: Tensor) -> None:
    if seed.dtype != torch.int64:
        raise TypeError(
            f"seed must be an int or an int64 tensor, got a {str(seed.dtype).removeprefix('torch.')} tensor."
        )
    if seed.device != mu.device:
        raise ValueError(f"seed must be on the device of mu, {mu.device}, got {seed.device}.")
    if seed.shape != mu.shape[: seed.dim()]:
        raise ValueError(f"seed must have a shape that is a prefix of mu's {list(mu.shape)}, got {list(seed.shape)}.")
