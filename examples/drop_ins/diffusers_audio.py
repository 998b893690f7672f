"""
diffusers' autoencoder of sound, which is that of stable-audio-tools, before and after, with an untrained one:

    pip install diffusers
    python examples/drop_ins/diffusers_audio.py

Its KL has no 1/2 and is averaged over time: 2 / T of a clip's, for latents of length T. A weight that was tuned for it
keeps its meaning if the KL in nats is brought to that scale.
"""

import torch
from diffusers import AutoencoderOobleck
from torch import Tensor

from pyvae import Posterior

SOFTPLUS = {"spread_is": "std", "activation": "softplus", "eps": 1e-4}


def before(vae: AutoencoderOobleck, clips: Tensor) -> tuple[Tensor, Tensor]:
    posterior = vae.encode(clips).latent_dist  # before
    z, kl = posterior.sample(), posterior.kl()  # before
    return z, kl


def after(vae: AutoencoderOobleck, clips: Tensor) -> tuple[Tensor, Tensor]:
    posterior = Posterior.from_moments(vae.encode(clips).latent_dist.parameters, **SOFTPLUS)  # after
    z, kl = posterior.sample_with_kl()  # after
    kl = kl.mean() * 2 / z.shape[-1]  # after
    return z, kl


def train(way, seed: int = 0, steps: int = 5) -> tuple[list[float], list[Tensor]]:
    """The loss of each step, and the parameters at the end."""
    torch.manual_seed(seed)
    vae = AutoencoderOobleck(
        encoder_hidden_size=8, downsampling_ratios=[2, 2], channel_multiples=[1, 1],
        decoder_channels=8, decoder_input_channels=4, audio_channels=1,
    )  # fmt: skip
    optimiser = torch.optim.SGD(vae.parameters(), lr=1e-3)
    clips = torch.rand(4, 1, 64)
    losses = []
    for _ in range(steps):
        z, kl = way(vae, clips)
        loss = (vae.decode(z).sample - clips).square().flatten(1).sum(-1).mean() + 1e-2 * kl
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, [parameter.detach() for parameter in vae.parameters()]


if __name__ == "__main__":
    for way in (before, after):
        print(way.__name__, train(way)[0])
