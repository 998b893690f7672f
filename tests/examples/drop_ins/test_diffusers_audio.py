"""diffusers' autoencoder of sound trains to the same parameters; its KL is not in nats, and may be negative."""

import pytest
import torch

pytest.importorskip("diffusers", reason="needs pip install diffusers")

from diffusers.models.autoencoders.autoencoder_oobleck import OobleckDiagonalGaussianDistribution

from examples.drop_ins import diffusers_audio as client
from examples.drop_ins.compare import difference
from pyvae import Posterior


def test_before_and_after_train_to_the_same_parameters() -> None:
    found = difference(client, client.before, client.after)
    assert found.losses < 1e-5 and found.parameters < 1e-5
    assert found.moved > 1e-3


def test_the_peers_kl_is_twice_a_clips_over_its_length() -> None:
    moments = torch.randn(3, 2 * 8, 20)
    peer, kl = (
        OobleckDiagonalGaussianDistribution(moments).kl(),
        Posterior.from_moments(moments, **client.SOFTPLUS).kl(),
    )
    assert peer.shape == () and kl.shape == (3,)
    torch.testing.assert_close(peer, 2 * kl.mean() / 20)


def test_the_peers_kl_to_another_posterior_is_negative() -> None:
    """Its difference of log-variances has the wrong sign: of N(0, 0.1) to N(0, 1), 1.81 nats, it makes -5.6."""
    heads = (torch.full((1, 1, 1), std).sub(1e-4).expm1().log() for std in (0.1, 1.0))  # whose softplus is that
    narrow, wide = (torch.cat([torch.zeros(1, 1, 1), head], dim=1) for head in heads)
    q, p = (Posterior.from_moments(moments, **client.SOFTPLUS) for moments in (narrow, wide))
    peer = OobleckDiagonalGaussianDistribution(narrow).kl(OobleckDiagonalGaussianDistribution(wide))
    torch.testing.assert_close(q.kl(p), torch.tensor([1.8076]), rtol=1e-3, atol=0)
    torch.testing.assert_close(peer, torch.tensor(-5.5952), rtol=1e-3, atol=0)
