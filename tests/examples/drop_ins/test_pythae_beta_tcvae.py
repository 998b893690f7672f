"""pythae's beta-TCVAE trains to the same parameters once its weights are in their places; its two faults."""

import pytest
import torch

pytest.importorskip("pythae", reason="needs pip install pythae==0.1.2")

from pythae.models import BetaTCVAE, BetaTCVAEConfig

import pyvae
from examples.drop_ins import pythae_beta_tcvae as client
from examples.drop_ins.compare import difference


def test_by_minibatch_weighted_sampling_before_and_after_train_to_the_same_parameters() -> None:
    found = difference(client, client.before, client.after, use_mss=False)
    assert found.losses < 1e-5 and found.parameters < 1e-5
    assert found.moved > 1e-3


def test_by_stratified_sampling_the_repaired_peer_does() -> None:
    found = difference(client, client.repaired, client.after)
    assert found.losses < 1e-5 and found.parameters < 1e-5
    assert difference(client, client.before, client.after).losses > 1e-4  # not the peer as it is


def total_correlation(kind: type[BetaTCVAE], M: int, D: int = 5, N: int = 10_000) -> torch.Tensor:
    """What a model takes for the total correlation of independent latents, which have none: mu ~ N(0, 1 - variance)
    makes the aggregate posterior N(0, 1).
    """
    variance = 0.02
    mu, logvar = (1 - variance) ** 0.5 * torch.randn(M, D), torch.full((M, D), variance).log()
    z = pyvae.reparameterize(mu, logvar)
    x = torch.zeros(M, 1)
    model = kind(BetaTCVAEConfig(input_dim=(1,), latent_dim=D, alpha=0.0, beta=1.0, gamma=0.0))
    return model.loss_function(x, x, mu, logvar, z, N)[0]


def test_independent_latents_have_five_nats_of_total_correlation_at_64_rows() -> None:
    torch.manual_seed(0)
    peer, repaired, after = (
        torch.stack([total_correlation(kind, 64) for _ in range(100)]).mean().item()
        for kind in (BetaTCVAE, client.RepairedBetaTCVAE, client.FusedBetaTCVAE)
    )
    assert 4.5 < peer < 6.0
    assert abs(repaired) < 1.8 and abs(after) < 1.8  # the estimator's own bias at so few rows
    assert peer - after > 3.0


def test_a_last_batch_of_one_divides_by_zero() -> None:
    with pytest.raises(ZeroDivisionError):
        total_correlation(BetaTCVAE, 1)
    assert total_correlation(client.FusedBetaTCVAE, 1).isfinite()
