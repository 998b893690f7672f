"""Posteriors as other projects write them: what each one's encoder gives, and its own formulas in float64."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus


class Peer(NamedTuple):
    """A project's way."""

    name: str
    shape: tuple[int, ...]
    """Of the means."""
    reading: dict[str, Any]
    """As a Posterior takes it."""
    sigma2: Callable[[Tensor], Tensor]
    """Its variance by the head."""
    latent_axes: tuple[int, ...] = (-1,)
    spread_shape: tuple[int, ...] | None = None
    """Where it is another than that of the means."""


def clamped(s: Tensor) -> Tensor:
    return s.clamp(-30, 20)


IMAGE, VIDEO, SOUND = (1, 2, 3), (1, 2, 3, 4), (1, 2)
PEERS = [
    Peer("diffusers AutoencoderKL", (3, 4, 8, 8), {"clamp": (-30, 20)}, lambda s: clamped(s).exp(), IMAGE),
    Peer("diffusers video", (2, 4, 3, 6, 6), {"clamp": (-30, 20)}, lambda s: clamped(s).exp(), VIDEO),
    Peer("diffusers LTX", (2, 128, 2, 3, 3), {"clamp": (-30, 20)}, lambda s: clamped(s).exp(), VIDEO, (2, 1, 2, 3, 3)),
    Peer("Open-Sora tokens", (2, 10, 16), {"clamp": (-30, 20)}, lambda s: clamped(s).exp(), SOUND),
    Peer("Wan, training", (2, 4, 3, 6, 6), {}, torch.exp, VIDEO),
    Peer(
        "stable-audio-tools", (2, 16, 20), {"spread_is": "std", "activation": "softplus", "eps": 1e-4},
        lambda s: (softplus(s) + 1e-4) ** 2, SOUND,
    ),
    Peer("MiniMax audio", (2, 32, 20), {"spread_is": "log_std"}, lambda s: (2 * s).exp(), SOUND),
    Peer("scvi-tools", (32, 10), {"spread_is": "var", "activation": "exp", "eps": 1e-4}, lambda s: s.exp() + 1e-4),
    Peer("hgraph2graph", (16, 32), {"activation": "neg_abs"}, lambda s: (-s.abs()).exp()),
    Peer(
        "world models", (5, 6, 30), {"spread_is": "std", "activation": "sigmoid2", "eps": 0.1},
        lambda s: (2 * torch.sigmoid(s / 2) + 0.1) ** 2,
    ),
    Peer("pythae", (64, 16), {}, torch.exp),
    Peer("plain variance", (8, 4), {"spread_is": "var", "activation": softplus}, softplus),
]  # fmt: skip


def exact_kl(mean: Tensor, variance: Tensor, axes: tuple[int, ...]) -> Tensor:
    """By the closed form in float64."""
    terms = mean**2 + variance - 1 - variance.log()
    return 0.5 * terms.expand(mean.shape).sum(axes)
