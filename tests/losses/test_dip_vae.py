import pytest
import torch

from pyvae import gaussian_kl, losses


def test_the_penalty_of_a_collapsed_posterior() -> None:
    """mu = 0 and logvar = 0 of 5 latents: the means' covariance is 0, that of the codes the prior's."""
    zeros = torch.zeros(8, 5)
    first = losses.DIPVAE(10.0, lambda_d=100.0)(torch.zeros(8), zeros, zeros, zeros)
    second = losses.DIPVAE(10.0, lambda_d=10.0, kind="ii")(torch.zeros(8), zeros, zeros, zeros)
    assert first.loss.tolist() == [500.0] * 8 and second.loss.tolist() == [0.0] * 8


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_the_loss_is_the_equation(posterior, reconstruction, kind) -> None:
    _, mu, logvar = posterior
    terms = losses.DIPVAE(3.0, lambda_d=7.0, kind=kind)(reconstruction, *posterior)
    for k in range(2):
        covariance = torch.cov(mu[k].T, correction=0)
        if kind == "ii":
            covariance = covariance + torch.diag(logvar[k].exp().mean(0))
        off = sum(covariance[i, j] ** 2 for i in range(5) for j in range(5) if i != j)
        on = ((covariance.diagonal() - 1) ** 2).sum()
        kl = gaussian_kl(mu[k], logvar[k])
        assert torch.allclose(terms.loss[k], reconstruction[k] + kl + 3 * off + 7 * on)
        assert torch.allclose(terms.off_diagonal[k], off.expand(31)) and torch.allclose(
            terms.diagonal[k], on.expand(31)
        )


def test_the_diagonal_s_weight_follows_the_other_one(posterior, reconstruction) -> None:
    for kind, factor in (("i", 10), ("ii", 1)):
        given = losses.DIPVAE(3.0, lambda_d=3.0 * factor, kind=kind)(reconstruction, *posterior)
        found = losses.DIPVAE(3.0, kind=kind)(reconstruction, *posterior)
        assert torch.allclose(given.loss, found.loss)


def test_correlated_means_are_pulled_apart() -> None:
    """Two latents that are both x, and no likelihood: trained on the penalty alone they become uncorrelated, with the
    prior's variance.
    """
    x = torch.randn(512, 2, generator=torch.Generator().manual_seed(0))
    w = torch.tensor([[1.0, 0.9], [0.1, 0.3]], requires_grad=True)
    objective, adam = losses.DIPVAE(10.0), torch.optim.Adam([w], lr=0.02)
    for _ in range(500):
        mu = x @ w
        terms = objective(torch.zeros(512), mu, mu, torch.full_like(mu, -5.0))
        adam.zero_grad()
        (terms.loss - terms.kl).mean().backward()
        adam.step()
    assert torch.allclose(torch.cov(mu.detach().T, correction=0), torch.eye(2), atol=0.02)


def test_the_kind_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="kind must be i or ii, got 'iii'"):
        losses.DIPVAE(kind="iii")
    with pytest.raises(ValueError, match="lambda_d must be at least 0, got -1"):
        losses.DIPVAE(lambda_d=-1)
