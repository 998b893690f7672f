"""The training step that is measured: a beta-TCVAE on 64 x 64 binary images, with the loss by any provider.

Encoder 4096-1200-1200-2D and decoder D-1200-1200-1200-4096, the dSprites networks of Chen et al. 2018 (appendix) and
Kim & Mnih 2018, D = 10, Bernoulli likelihood, Adam. Imported by what runs on any GPU machine: torch and pyvae alone.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

import pyvae
from pyvae.bench.cases import Case, inputs
from pyvae.bench.providers import COMPILED, DATASET_SIZE, OURS, Evaluation, density_terms

PIXELS, HIDDEN, LATENTS, BETA = 64 * 64, 1200, 10, 6.0
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


class TCVAE(nn.Module):
    """Encoder and decoder; `forward` gives logits, sample, mean and log-variance."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENTS)
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, HIDDEN), nn.Tanh(),
            nn.Linear(HIDDEN, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, PIXELS),
        )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decoder(z), z, mu, logvar


def log_normal(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mu) ** 2 * torch.exp(-logvar)).sum(1)


def loss_by(provider: str) -> Loss:
    """Mutual information + BETA total correlation + dimension-wise KL, the mean over the minibatch."""
    if provider == OURS:
        objective = pyvae.losses.BetaTCVAE(DATASET_SIZE, beta=BETA, estimator="mws")

        def fused(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
            nothing = z.new_zeros(z.shape[0])  # the reconstruction is added outside
            loss: Tensor = objective(nothing, z, mu, logvar).loss
            return loss.mean()

        return fused
    density = density_terms(provider)

    def copied(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        log_qz, log_prod_qz = density(z, mu, logvar, DATASET_SIZE)
        zero = torch.zeros_like(z)
        mutual_information = log_normal(z, mu, logvar) - log_qz
        total_correlation, dimwise_kl = log_qz - log_prod_qz, log_prod_qz - log_normal(z, zero, zero)
        return (mutual_information + BETA * total_correlation + dimwise_kl).mean()

    return torch.compile(copied, dynamic=False) if provider == COMPILED else copied


def loss_alone(provider: str, case: Case, device: str = "cpu") -> Evaluation:
    """Evaluates the loss and its gradients on given samples and posteriors."""
    tensors, loss = inputs(case, device), loss_by(provider)

    def evaluate() -> tuple[Tensor, ...]:
        value = loss(*tensors)
        return (value.detach(), *torch.autograd.grad(value, tensors))

    return evaluate


def training_step(provider: str, rows: int, device: str = "cpu", *, capturable: bool = False) -> Evaluation:
    """Takes one step of a model of its own on a fixed batch of random images; `capturable` in a CUDA graph."""
    generator = torch.Generator().manual_seed(rows)
    x = torch.randint(0, 2, (rows, PIXELS), generator=generator).float().to(device)
    torch.manual_seed(0)
    model, loss = TCVAE().to(device), loss_by(provider)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True, capturable=capturable)

    def step() -> tuple[Tensor, ...]:
        logits, z, mu, logvar = model(x)
        total = pyvae.losses.bernoulli_reconstruction(x, logits).mean() + loss(z, mu, logvar)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        return (total.detach(),)

    return step
