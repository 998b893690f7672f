"""Rows from one process to all, where torch.distributed runs."""

import torch
import torch.distributed as dist
from torch import Tensor


def several_processes() -> bool:
    """Whether torch.distributed runs, with more than one."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def rows_of_all_processes(index: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What every process gives, one after another along the minibatch's axis, whose length may differ between them:
    index [..., M], mu and logvar [..., M, D] of one dtype.
    """
    counts = _gathered(torch.tensor([index.shape[-1]], device=index.device)).flatten().tolist()
    return _of_all(index, -1, counts), _of_all(mu, -2, counts), _of_all(logvar, -2, counts)


def _of_all(tensor: Tensor, axis: int, counts: list[int]) -> Tensor:
    missing = list(tensor.shape)
    missing[axis] = max(counts) - tensor.shape[axis]
    parts = _gathered(torch.cat([tensor, tensor.new_zeros(missing)], axis)).unbind()
    return torch.cat([part.narrow(axis, 0, count) for part, count in zip(parts, counts, strict=True)], axis)


def _gathered(tensor: Tensor) -> Tensor:
    """[processes, ...]."""
    processes, (length, *shape) = dist.get_world_size(), tensor.shape
    gathered = tensor.new_empty(processes * length, *shape)
    # The name that torch has for it from 2.13 on, and the one before.
    gather = dist.all_gather_single if hasattr(dist, "all_gather_single") else dist.all_gather_into_tensor
    gather(gathered, tensor.contiguous())
    return gathered.view(processes, length, *shape)  # gloo takes no stack as its output
