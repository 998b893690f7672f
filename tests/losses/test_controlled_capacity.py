import pytest
import torch

from pyvae import gaussian_kl, losses


def test_the_loss_is_the_distance_from_the_capacity(posterior, reconstruction) -> None:
    _, mu, logvar = posterior
    kl = gaussian_kl(mu, logvar)
    for capacity in (0.0, 3.0, 500.0):
        terms = losses.ControlledCapacity(capacity, gamma=7.0)(reconstruction, *posterior)
        distance = (kl.mean(-1, keepdim=True) - capacity).abs()
        assert torch.allclose(terms.loss, reconstruction + 7 * distance)
        assert torch.allclose(terms.capacity_gap, distance.expand(2, 31))
    terms = losses.ControlledCapacity(3.0, gamma=7.0, per="item")(reconstruction, *posterior)
    assert torch.allclose(terms.loss, reconstruction + 7 * (kl - 3).abs())


def test_trained_codes_hold_the_capacity() -> None:
    """One latent mu = w x of x ~ N(0, 1), logvar free, and no reconstruction: the KL settles at C, whatever gamma."""
    x = torch.randn(256, 1, generator=torch.Generator().manual_seed(0))
    for capacity in (0.5, 2.0):
        w, logvar = torch.zeros(1, requires_grad=True), torch.tensor(-1.0, requires_grad=True)
        objective = losses.ControlledCapacity(capacity, gamma=10.0, schedule="warmup(50%)").within(600)
        adam = torch.optim.Adam([w, logvar], lr=0.01)
        for step in range(600):
            terms = objective(torch.zeros(256), x, w * x, logvar.expand(256, 1), step=step)
            adam.zero_grad()
            terms.loss.mean().backward()
            adam.step()
        assert float(terms.kl.detach().mean()) == pytest.approx(capacity, abs=0.1)


def test_it_is_per_batch_or_per_item() -> None:
    with pytest.raises(ValueError, match="per must be batch or item, got 'pixel'"):
        losses.ControlledCapacity(per="pixel")
    with pytest.raises(ValueError, match="gamma must be at least 0, got -1"):
        losses.ControlledCapacity(gamma=-1)
