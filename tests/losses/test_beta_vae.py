import pytest
import torch

from pyvae import gaussian_kl, losses

pytestmark = pytest.mark.usefixtures("device")


def test_the_loss_is_the_equation(posterior, reconstruction) -> None:
    z, mu, logvar = posterior
    closed = losses.BetaVAE(4.0)(reconstruction, z, mu, logvar)
    assert torch.equal(closed.kl, gaussian_kl(mu, logvar))
    assert torch.allclose(closed.loss, reconstruction + 4 * closed.kl)
    sampled = losses.BetaVAE(4.0, kl="sampled")(reconstruction, z, mu, logvar)
    assert torch.equal(sampled.kl, losses.sampled_kl(z, mu, logvar))
    assert torch.allclose(sampled.loss, reconstruction + 4 * sampled.kl)


def test_validation_takes_the_closed_form(posterior, reconstruction) -> None:
    exact = losses.BetaVAE(2.0, kl="sampled", warmup_steps=5).exact()
    assert exact.to_config() == losses.BetaVAE(2.0, warmup_steps=5).to_config()


def test_the_kl_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="kl must be closed_form or sampled, got 'exact'"):
        losses.BetaVAE(kl="exact")
