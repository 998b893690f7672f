"""A model whose pictures are known: the first two numbers of an image are its code, scaled."""

import torch
from torch import Tensor


class Linear:
    """Images [B, size] -> means 2 x_0, 3 x_1 with a constant log variance, and back; further latents are unused."""

    def __init__(self, size: int = 6, latents: int = 3, logvar: float = -8.0) -> None:
        self.size, self.latents, self.logvar = size, latents, logvar
        self.scale = torch.tensor([2.0, 3.0])

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu = torch.zeros(len(x), self.latents)
        mu[:, :2] = x[:, :2] * self.scale
        logvar = torch.zeros_like(mu)
        logvar[:, :2] = self.logvar
        return mu, logvar

    def decode(self, z: Tensor) -> Tensor:
        out = torch.zeros(len(z), self.size)
        out[:, :2] = z[:, :2] / self.scale
        return out


class Broken(Linear):
    """One that has diverged."""

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = super().encode(x)
        return mu * torch.nan, logvar


class Collapsed(Linear):
    """One that tells nothing of its images."""

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros(len(x), self.latents), torch.zeros(len(x), self.latents)


def images(count: int = 500, size: int = 6) -> Tensor:
    """Uniform in [0, 1]."""
    return torch.rand(count, size, generator=torch.Generator().manual_seed(0))
