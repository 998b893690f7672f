"""
pythae's VAE, before and after:

    pip install pythae==0.1.2
    python examples/drop_ins/pythae_vae.py
"""

import torch
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from torch import Tensor

import pyvae


class FusedVAE(VAE):
    """pythae's VAE, whose sample and KL come from one op; its trainers and samplers take it as they take the other."""

    def forward(self, inputs, **kwargs) -> ModelOutput:
        x = inputs["data"]
        codes = self.encoder(x)
        z, kl = pyvae.reparameterize_with_kl(codes.embedding, codes.log_covariance)  # after
        recon_x = self.decoder(z).reconstruction
        recon_loss = 0.5 * (recon_x - x).flatten(1).square().sum(-1)
        loss, recon_loss, reg_loss = (recon_loss + kl).mean(), recon_loss.mean(), kl.mean()
        return ModelOutput(loss=loss, recon_loss=recon_loss, reg_loss=reg_loss, recon_x=recon_x, z=z)


def before(config: VAEConfig) -> VAE:
    model = VAE(config)  # before
    return model


def after(config: VAEConfig) -> VAE:
    model = FusedVAE(config)  # after
    return model


def train(way, seed: int = 0, steps: int = 5) -> tuple[list[float], list[Tensor]]:
    """The loss of each step, and the parameters at the end."""
    torch.manual_seed(seed)
    model = way(VAEConfig(input_dim=(1, 8, 8), latent_dim=10))
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3)
    images = torch.rand(128, 1, 8, 8)
    losses = []
    for _ in range(steps):
        loss = model({"data": images}).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, [parameter.detach() for parameter in model.parameters()]


if __name__ == "__main__":
    for way in (before, after):
        print(way.__name__, train(way)[0])
