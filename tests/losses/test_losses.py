import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from pyvae import losses
from pyvae.ops import gaussian_kl

pytestmark = pytest.mark.usefixtures("device")


@pytest.fixture
def posterior() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    mu, logvar, eps = torch.randn(3, 2, 31, 5, dtype=torch.float64)
    return mu + (0.5 * logvar).exp() * eps, mu, logvar


def test_gaussian_reconstruction_is_the_log_likelihood_without_its_constant() -> None:
    x, mean = torch.randn(2, 3, 7, 20, dtype=torch.float64)
    expected = -Normal(mean, 0.5).log_prob(x).sum(-1) - 10 * math.log(2 * math.pi * 0.25)
    assert torch.allclose(losses.gaussian_reconstruction(x, mean, 0.25), expected)


def test_bernoulli_reconstruction_is_the_log_likelihood() -> None:
    x, logits = torch.rand(3, 20, dtype=torch.float64).round(), torch.randn(3, 20, dtype=torch.float64)
    expected = -Bernoulli(logits=logits).log_prob(x).sum(-1)
    assert torch.allclose(losses.bernoulli_reconstruction(x, logits), expected)


def test_sampled_kl_is_the_difference_of_log_densities(posterior) -> None:
    z, mu, logvar = posterior
    expected = (Normal(mu, (0.5 * logvar).exp()).log_prob(z) - Normal(0, 1).log_prob(z)).sum(-1)
    assert torch.allclose(losses.sampled_kl(z, mu, logvar), expected)


def test_sampled_kl_is_unbiased() -> None:
    mu, logvar = torch.full((200_000, 2), 0.7), torch.full((200_000, 2), -1.0)
    samples = losses.sampled_kl(mu + (0.5 * logvar).exp() * torch.randn_like(mu), mu, logvar)
    exact = 2 * kl_divergence(Normal(0.7, math.exp(-0.5)), Normal(0.0, 1.0))
    assert float(samples.mean()) == pytest.approx(float(exact), abs=5 * float(samples.std()) / 200_000**0.5)


def test_elbo_and_beta_vae(posterior) -> None:
    z, mu, logvar = posterior
    reconstruction, kl = torch.rand(2, 31, dtype=torch.float64), gaussian_kl(mu, logvar)
    assert torch.equal(losses.beta_vae(reconstruction, kl), -losses.elbo(reconstruction, kl))
    per_model = losses.beta_vae(reconstruction, kl, torch.tensor([[1.0], [4.0]]))
    assert torch.allclose(per_model[1], reconstruction[1] + 4 * kl[1])
    assert torch.equal(losses.BetaVAE(4.0)(reconstruction, z, mu, logvar), losses.beta_vae(reconstruction, kl, 4.0))
    sampled = losses.ELBO(kl="sampled")(reconstruction, z, mu, logvar)
    assert torch.equal(sampled, reconstruction + losses.SampledKL()(z, mu, logvar))


@pytest.mark.parametrize("estimator", ["mss", "mws", "balanced"])
def test_beta_tcvae_with_unit_weights_is_the_sampled_elbo(posterior, estimator) -> None:
    z, mu, logvar = posterior
    reconstruction = torch.rand(2, 31, dtype=torch.float64)
    loss = losses.beta_tcvae(
        reconstruction, z, mu, logvar, dataset_size=1000, alpha=1, beta=1, gamma=1, estimator=estimator
    )
    assert torch.allclose(loss, reconstruction + losses.sampled_kl(z, mu, logvar))


def test_beta_tcvae_weighs_each_term(posterior) -> None:
    z, mu, logvar = posterior
    zero = torch.zeros(2, 31, dtype=torch.float64)

    def term(**weights: float) -> torch.Tensor:
        return losses.BetaTCVAE(1000, **{"alpha": 0, "beta": 0, "gamma": 0, **weights})(zero, z, mu, logvar)

    both = term(alpha=2, beta=3, gamma=5)
    assert torch.allclose(both, 2 * term(alpha=1) + 3 * term(beta=1) + 5 * term(gamma=1))


def test_modules_are_their_functions() -> None:
    x, mean = torch.rand(2, 4, 6)
    module = losses.GaussianReconstruction(0.25)
    assert torch.equal(module(x, mean), losses.gaussian_reconstruction(x, mean, 0.25))
    assert torch.equal(losses.BernoulliReconstruction()(x, mean), losses.bernoulli_reconstruction(x, mean))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: losses.beta_vae(torch.zeros(1), torch.zeros(1), -1.0), "beta must be at least 0, got -1.0"),
        (lambda: losses.BetaVAE(float("nan")), "beta must be at least 0, got nan"),
        (lambda: losses.BetaVAE(kl="exact"), "kl must be sampled or closed_form, got 'exact'"),
        (lambda: losses.BetaTCVAE(10, gamma=-1), "gamma must be at least 0, got -1"),
        (lambda: losses.GaussianReconstruction(0), "variance must be greater than 0, got 0"),
        (lambda: losses.gaussian_reconstruction(torch.zeros(1), torch.zeros(1), -1), "variance must be greater than 0"),
    ],
)
def test_wrong_input_is_one_sentence(call, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


def test_terms_of_different_shapes_are_refused_not_broadcast() -> None:
    terms = torch.zeros(3, 1), torch.zeros(3)
    with pytest.raises(ValueError, match=r"reconstruction must have the shape of kl, \[3\], got \[3, 1\]"):
        losses.beta_vae(*terms)
    with pytest.raises(ValueError, match=r"mean must have the shape of x, \[3\], got \[3, 1\]"):
        losses.gaussian_reconstruction(terms[1], terms[0])
    z = torch.zeros(3, 2)
    with pytest.raises(ValueError, match="reconstruction must have the shape of kl"):
        losses.beta_tcvae(terms[0], z, z, z, dataset_size=9)
