"""
A VAE in plain torch, as it is copied from script to script, before and after:

    python examples/drop_ins/plain_torch.py
"""

import torch
from torch import Tensor, nn

import pyvae


def before(mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    std = torch.exp(0.5 * logvar)  # before
    z = mu + std * torch.randn_like(std)  # before
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=-1)  # before
    return z, kl


def after(mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    z, kl = pyvae.reparameterize_with_kl(mu, logvar)  # after
    return z, kl


def train(way, seed: int = 0, steps: int = 5) -> tuple[list[float], list[Tensor]]:
    """The loss of each step, and the parameters at the end."""
    torch.manual_seed(seed)
    encoder = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 2 * 10))
    decoder = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 784))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimiser = torch.optim.SGD(parameters, lr=1e-3)
    images = torch.rand(128, 784)
    losses = []
    for _ in range(steps):
        mu, logvar = encoder(images).chunk(2, dim=-1)
        z, kl = way(mu, logvar)
        reconstruction = nn.functional.binary_cross_entropy_with_logits(decoder(z), images, reduction="none").sum(-1)
        loss = (reconstruction + kl).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, [parameter.detach() for parameter in parameters]


if __name__ == "__main__":
    for way in (before, after):
        print(way.__name__, train(way)[0])
