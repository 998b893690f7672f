"""diffusers' autoencoder of video trains to the same parameters once the width is summed, which the peer leaves out."""

import pytest
import torch

pytest.importorskip("diffusers", reason="needs pip install diffusers")

from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

from examples.drop_ins import diffusers_video as client
from examples.drop_ins.compare import difference
from pyvae import Posterior


def test_the_repaired_peer_and_after_train_to_the_same_parameters() -> None:
    found = difference(client, client.repaired, client.after, steps=2)
    assert found.losses < 1e-5 and found.parameters < 1e-5
    assert found.moved > 1e-3


def test_the_mean_of_the_peers_kl_is_a_widths_part_of_a_videos() -> None:
    B, C, T, H, W = 2, 4, 3, 5, 7
    moments = torch.randn(B, 2 * C, T, H, W)
    peer, kl = DiagonalGaussianDistribution(moments).kl(), Posterior.from_moments(moments, clamp=(-30, 20)).kl()
    assert peer.shape == (B, W) and kl.shape == (B,)
    torch.testing.assert_close(peer.sum(-1), kl)
    torch.testing.assert_close(W * peer.mean(), kl.mean())
