import pytest
import torch

from pyvae.losses import clamped, invariance


@pytest.mark.parametrize("active", [1, -2, slice(0, 2), slice(1, None, -1)])
def test_all_but_the_active_latents_are_their_mean(active) -> None:
    z = torch.randn(2, 16, 3, dtype=torch.float64, requires_grad=True)
    out = clamped(z, active)
    mask = torch.zeros(3, dtype=torch.bool)
    mask[list(range(3)[active]) if isinstance(active, slice) else active] = True
    assert torch.equal(out[..., mask], z[..., mask])
    mean = z.mean(-2, keepdim=True).expand_as(z)
    assert torch.equal(out[..., ~mask], mean[..., ~mask])
    weights = torch.randn_like(out)
    (grad,) = torch.autograd.grad((out * weights).sum(), z)
    assert torch.allclose(grad[..., mask], weights[..., mask])
    assert torch.allclose(grad[..., ~mask], weights.mean(-2, keepdim=True).expand_as(z)[..., ~mask])


def test_invariance_pulls_the_others_to_their_mean() -> None:
    z = torch.randn(16, 3, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(invariance(z, 0).sum(), z)
    assert torch.equal(grad[:, 0], torch.zeros(16).double())
    assert torch.allclose(grad[:, 1:], (z - z.mean(0)).detach()[:, 1:])


def test_half_types_are_computed_in_float32() -> None:
    far = torch.tensor([[300.0, 0.0], [-300.0, 0.0]], dtype=torch.float16)
    assert invariance(far, 1).tolist() == [45_000.0, 45_000.0]


def test_the_active_latent_learns_the_factor_that_changes() -> None:
    """Images are (a, b) of two factors, mixed by the encoder that is to be learned; pairs of minibatches change one."""
    generator = torch.Generator().manual_seed(0)
    encoder = torch.tensor([[1.0, 0.8], [-0.7, 1.0]], requires_grad=True)
    decoder = torch.linalg.inv(encoder.detach()).requires_grad_()
    adam = torch.optim.Adam([encoder, decoder], lr=0.01)
    for step in range(1500):
        x = torch.randn(1, 2, generator=generator).repeat(32, 1)
        x[:, step % 2] = torch.randn(32, generator=generator)
        loss = (clamped(x @ encoder, step % 2) @ decoder - x).square().sum(-1).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    mixed = encoder.detach().abs()
    assert float(mixed[0, 1] / mixed[0, 0]) < 0.05 and float(mixed[1, 0] / mixed[1, 1]) < 0.05


def test_an_index_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="active must lie between -3 and 2, got 3"):
        clamped(torch.zeros(4, 3), 3)
    with pytest.raises(ValueError, match="active must be a slice with at least one of the 3 latents"):
        invariance(torch.zeros(4, 3), slice(3, 5))
    with pytest.raises(TypeError, match="active must be the place of a latent or a slice, got True"):
        clamped(torch.zeros(4, 3), True)
