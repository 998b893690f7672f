"""
diffusers' autoencoders of video, before and after, with an untrained CogVideoX of 65 000 parameters:

    pip install diffusers
    python examples/drop_ins/diffusers_video.py

The distribution is that of images and sums its KL over axes 1, 2 and 3. Of videos, [B, C, T, H, W], the width is left:
the KL has the shape [B, W], and its mean is 1 / W of a video's. `repaired` is the peer with the width summed as well.
"""

import torch
from diffusers import AutoencoderKLCogVideoX
from torch import Tensor

from pyvae import Posterior


def before(vae: AutoencoderKLCogVideoX, videos: Tensor) -> tuple[Tensor, Tensor]:
    posterior = vae.encode(videos).latent_dist  # before
    z, kl = posterior.sample(), posterior.kl()  # before
    return z, kl.mean()


def repaired(vae: AutoencoderKLCogVideoX, videos: Tensor) -> tuple[Tensor, Tensor]:
    posterior = vae.encode(videos).latent_dist
    return posterior.sample(), posterior.kl().sum(-1).mean()


def after(vae: AutoencoderKLCogVideoX, videos: Tensor) -> tuple[Tensor, Tensor]:
    posterior = Posterior.from_moments(vae.encode(videos).latent_dist.parameters, clamp=(-30, 20))  # after
    z, kl = posterior.sample_with_kl()  # after
    return z, kl.mean()


def train(way, seed: int = 0, steps: int = 3) -> tuple[list[float], list[Tensor]]:
    """The loss of each step, and the parameters at the end."""
    torch.manual_seed(seed)
    vae = AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8), layers_per_block=1, latent_channels=4, norm_num_groups=2
    )
    optimiser = torch.optim.SGD(vae.parameters(), lr=1e-2)
    videos = torch.rand(2, 3, 9, 16, 16)
    losses = []
    for _ in range(steps):
        z, kl = way(vae, videos)
        loss = (vae.decode(z).sample - videos).square().mean() + 1e-4 * kl
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, [parameter.detach() for parameter in vae.parameters()]


if __name__ == "__main__":
    for way in (before, repaired, after):
        print(way.__name__, train(way)[0])
