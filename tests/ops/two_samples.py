"""Two samples, and a statistic of them with its gradients."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tests.ops.contract import cotangents_for

KERNELS = ["rbf", "imq"]
DTYPES = [torch.float32, torch.float64]

Statistic = Callable[..., Tensor]


def samples(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Two samples of different laws."""
    models, n, m, latents = shape
    return [torch.randn(models, n, latents, dtype=dtype), 1.3 * torch.randn(models, m, latents, dtype=dtype) + 0.2]


def gradients(statistic: Statistic, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The statistic and its gradients."""
    leaves = [t.detach().requires_grad_() for t in tensors]
    value = statistic(*leaves)
    return [value.detach(), *torch.autograd.grad(value, leaves, cotangents_for([value]))]
