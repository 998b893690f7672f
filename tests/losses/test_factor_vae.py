import math

import numpy as np
import pytest
import torch

from pyvae import gaussian_kl, losses, reparameterize
from pyvae.nn import StackedVAE


def made(gamma: float = 10.0, seeds=0, latents: int = 5, **settings) -> losses.FactorVAE:
    objective = losses.FactorVAE(gamma, **{"discriminator": (32, 32), **settings})
    return objective.trained_beside(latents, seeds).double()


def test_the_loss_is_the_equation(posterior, reconstruction) -> None:
    z, mu, logvar = posterior
    objective = made(seeds=(0, 1))
    terms = objective(reconstruction, *posterior, seed=3)
    kl, logit = gaussian_kl(mu, logvar), objective.network(z)
    assert torch.allclose(terms.loss, reconstruction + kl + 10 * logit)
    assert torch.equal(terms.total_correlation, logit)
    apart = objective.network(losses.permuted(z, 3))
    entropy = -0.5 * (torch.sigmoid(logit).log() + (1 - torch.sigmoid(apart)).log())
    assert torch.allclose(terms.discriminator, entropy)


def test_the_encoder_s_gradient_is_the_loss_s_and_the_discriminator_s_its_own(posterior, reconstruction) -> None:
    """One backward for both: neither gets a gradient of the other's."""
    z, mu, logvar = posterior
    objective, z = made(seeds=(0, 1)), z.requires_grad_()
    terms = objective(reconstruction, z, mu, logvar, seed=3)
    parameters = list(objective.parameters())
    of_z, *of_network = torch.autograd.grad(terms.loss.mean(-1).sum(), [z, *parameters])
    (expected,) = torch.autograd.grad(10 * objective.network(z).mean(-1).sum(), z)
    assert torch.allclose(of_z, expected)
    again = objective(reconstruction, z, mu, logvar, seed=3)
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(again.discriminator.sum(), z)
    for found, own in zip(of_network, torch.autograd.grad(again.discriminator.mean(-1).sum(), parameters), strict=True):
        assert torch.allclose(found, own) and found.abs().sum() > 0


def test_large_logits_stay_finite(posterior, reconstruction) -> None:
    objective = made(seeds=(0, 1)).float()
    with torch.no_grad():
        objective.network.layers[-1].weight.mul_(1e6)
    codes = [tensor.float().requires_grad_() for tensor in posterior]
    terms = objective(reconstruction.float(), *codes, seed=3)
    assert float(terms.total_correlation.abs().max()) > 1000
    grads = torch.autograd.grad(terms.loss.mean(), [*codes, *objective.parameters()], allow_unused=True)
    assert all(term.isfinite().all() for term in terms) and all(g.isfinite().all() for g in grads if g is not None)


def test_every_latent_is_permuted_on_its_own() -> None:
    z = torch.arange(3 * 64 * 4, dtype=torch.float32).view(3, 64, 4)
    seeds = torch.tensor([5, 6, 5])
    out = losses.permuted(z, seeds)
    assert torch.equal(out.sort(-2).values, z)
    assert not torch.equal(out[..., 0] - out[..., 0].min(), out[..., 1] - out[..., 1].min())
    for k in range(3):
        assert torch.equal(out[k], losses.permuted(z[k], int(seeds[k])))
    assert not torch.equal(losses.permuted(z[0], 5), losses.permuted(z[0], 6))


def test_permutations_are_unrelated_to_the_noise_of_the_codes() -> None:
    """Codes drawn with the very seed that permutes them: collapsed ones would come out sorted."""
    zeros = torch.zeros(4000, 2)
    apart = losses.permuted(reparameterize(zeros, zeros, seed=5), 5)
    assert abs(float(torch.corrcoef(apart.T)[0, 1])) < 4 / 4000**0.5


def test_permutations_are_uniform() -> None:
    """Each of three items comes first as often: 3 000 draws, chi squared below its 99.9 % quantile of 13.8."""
    z = torch.arange(3.0).view(1, 3, 1).expand(3000, 3, 1)
    first = losses.permuted(z, torch.arange(3000))[:, 0, 0].long().bincount(minlength=3)
    assert float(((first - 1000.0) ** 2 / 1000).sum()) < 13.8


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
def test_the_estimate_comes_from_below_to_the_total_correlation_of_correlated_gaussians(rho) -> None:
    """TC = -log(1 - rho^2) / 2. The discriminator's mean logit on codes starts at 0 and ends just below the truth."""
    truth = -0.5 * math.log(1 - rho**2)
    generator = torch.Generator().manual_seed(1)
    objective = losses.FactorVAE(1.0, discriminator=(64, 64), discriminator_rate=2e-3).trained_beside(2, 0)
    optimiser = torch.optim.Adam(objective.parameter_groups())
    estimates = []
    for step in range(900):
        if step == 450:
            optimiser.param_groups[0]["lr"] = 4e-4
        first, second = torch.randn(2, 1024, generator=generator)
        z = torch.stack([first, rho * first + math.sqrt(1 - rho**2) * second], -1)
        terms = objective(torch.zeros(1024), z, z, torch.zeros_like(z), seed=step)
        optimiser.zero_grad()
        terms.loss.mean().backward()
        optimiser.step()
        estimates.append(float(terms.total_correlation.mean()))
    early, late = (sum(part) / len(part) for part in (estimates[:3], estimates[-200:]))
    assert early < 0.1 and late < truth + 0.03
    assert late == pytest.approx(truth, abs=0.03 + 0.1 * truth)


def test_a_discriminator_has_the_paper_s_optimiser() -> None:
    (group,) = made(discriminator_rate=3e-4).parameter_groups()
    assert (group["lr"], group["betas"]) == (3e-4, (0.5, 0.9))
    assert len(group["params"]) == 6 and torch.optim.Adam([group]).param_groups[0]["lr"] == 3e-4
    assert losses.BetaVAE().parameter_groups() == []


def test_the_discriminator_is_not_made_of_the_model_s_numbers() -> None:
    model, objective = StackedVAE(1, 5, (32,), 2, seeds=[7]), made(seeds=7).float()
    own, theirs = objective.network.layers[0].weight.flatten(), model.encoder[0].weight.flatten()
    assert abs(float(torch.corrcoef(torch.stack([own, theirs]))[0, 1])) < 0.4
    again = made(seeds=np.int64(7)).float()
    assert torch.equal(again.network.layers[0].weight, objective.network.layers[0].weight)


def test_wrong_use_is_a_sentence() -> None:
    z = torch.zeros(4, 5)
    with pytest.raises(
        ValueError, match=r"objective must have its discriminator: call trained_beside\(latents, seeds\)"
    ):
        losses.FactorVAE()(torch.zeros(4), z, z, z)
    with pytest.raises(
        ValueError, match=r"z must have the shape \[1, M, 3\] or \[M, 3\] of the discriminator, got \[4, 5\]"
    ):
        made(latents=3).float()(torch.zeros(4), z, z, z)
    with pytest.raises(ValueError, match=r"z must have the shape \[2, M, 5\] of the discriminator, got \[4, 5\]"):
        made(seeds=(0, 1)).float()(torch.zeros(4), z, z, z)
    with pytest.raises(TypeError, match="discriminator must be a tuple with the width of each hidden layer, got 64"):
        losses.FactorVAE(discriminator=64)
    with pytest.raises(ValueError, match="discriminator must be widths of at least 1"):
        losses.FactorVAE(discriminator=(0,))
    with pytest.raises(ValueError, match="discriminator must be widths of at least 1"):
        losses.FactorVAE(discriminator=(2.5,))
    with pytest.raises(TypeError, match="seed must be an int or an int64 tensor, got float"):
        losses.permuted(torch.zeros(4, 2), 2.5)
    with pytest.raises(ValueError, match="discriminator_rate must be greater than 0, got 0"):
        losses.FactorVAE(discriminator_rate=0)
