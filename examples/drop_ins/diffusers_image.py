"""
diffusers' autoencoder of images, before and after, with an untrained one of 10 000 parameters:

    pip install diffusers
    python examples/drop_ins/diffusers_image.py
"""

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from pyvae import Posterior


def before(vae: AutoencoderKL, images: Tensor) -> tuple[Tensor, Tensor]:
    posterior = vae.encode(images).latent_dist  # before
    z, kl = posterior.sample(), posterior.kl()  # before
    return z, kl.mean()


def after(vae: AutoencoderKL, images: Tensor) -> tuple[Tensor, Tensor]:
    posterior = Posterior.from_moments(vae.encode(images).latent_dist.parameters, clamp=(-30, 20))  # after
    z, kl = posterior.sample_with_kl()  # after
    return z, kl.mean()


def train(way, seed: int = 0, steps: int = 5) -> tuple[list[float], list[Tensor]]:
    """The loss of each step, and the parameters at the end."""
    torch.manual_seed(seed)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",), up_block_types=("UpDecoderBlock2D",), block_out_channels=(8,),
        layers_per_block=1, latent_channels=4, norm_num_groups=4,
    )  # fmt: skip
    optimiser = torch.optim.SGD(vae.parameters(), lr=1e-2)
    images = torch.rand(4, 3, 16, 16)
    losses = []
    for _ in range(steps):
        z, kl = way(vae, images)
        loss = (vae.decode(z).sample - images).square().mean() + 1e-4 * kl
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, [parameter.detach() for parameter in vae.parameters()]


if __name__ == "__main__":
    for way in (before, after):
        print(way.__name__, train(way)[0])
