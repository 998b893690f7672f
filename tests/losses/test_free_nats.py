import pytest
import torch

from pyvae import gaussian_kl, losses


def test_the_kl_is_no_lower_than_what_is_free(posterior, reconstruction) -> None:
    _, mu, logvar = posterior
    each = gaussian_kl(mu.unsqueeze(-1), logvar.unsqueeze(-1))
    bound = float(each.mean(-2).median())  # above some latents' KL and below others'
    terms = losses.FreeNats(bound)(reconstruction, *posterior)
    per_latent = each.mean(-2).clamp_min(bound).sum(-1, keepdim=True)
    assert torch.allclose(terms.loss, reconstruction + per_latent)
    assert torch.allclose(terms.kl, gaussian_kl(mu, logvar))
    middle = float(terms.kl.median())
    terms = losses.FreeNats(middle, per="item")(reconstruction, *posterior)
    assert torch.allclose(terms.loss, reconstruction + terms.kl.clamp_min(middle))
    assert (terms.bounded_kl > terms.kl).any() and (terms.bounded_kl == terms.kl).any()


def test_nothing_free_is_the_vae(posterior, reconstruction) -> None:
    for per in ("latent", "item"):
        terms = losses.FreeNats(0.0, per=per)(reconstruction, *posterior)
        expected = losses.BetaVAE()(reconstruction, *posterior)
        assert torch.allclose(terms.loss.mean(-1), expected.loss.mean(-1))


def test_what_is_free_has_no_gradient_and_the_rest_the_kl_s() -> None:
    mu = torch.tensor([[0.1, 3.0], [-0.1, 2.0]], requires_grad=True)
    losses.FreeNats(1.0)(torch.zeros(2), mu, mu, torch.zeros(2, 2)).loss.mean().backward()
    assert torch.allclose(mu.grad, torch.tensor([[0.0, 1.5], [0.0, 1.0]]))  # of mean_i mu_i^2 / 2, where it is above 1


def test_collapse_stops_at_the_free_nats() -> None:
    """A decoder that ignores its code lets the KL fall to what is free and no further."""
    mu = torch.full((64, 2), 3.0, requires_grad=True)
    logvar = torch.zeros(64, 2, requires_grad=True)
    adam = torch.optim.Adam([mu, logvar], lr=0.01)
    for _ in range(800):
        terms = losses.FreeNats(0.3)(torch.zeros(64), mu, mu, logvar)
        adam.zero_grad()
        terms.loss.mean().backward()
        adam.step()
    # Adam's moments carry it a little beyond the bound, where the gradient is 0.
    assert float(terms.kl.detach().mean()) == pytest.approx(2 * 0.3, abs=0.1)


def test_it_is_per_latent_or_per_item() -> None:
    with pytest.raises(ValueError, match="per must be latent or item, got 'batch'"):
        losses.FreeNats(per="batch")
