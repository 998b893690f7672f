"""Linear VAEs, of which everything is known: which latents a beta lets live, and what the objective is at its best.

x = A s with orthogonal columns of variances lambda_k; the likelihood's variance is v. At the optimum of beta-VAE the
decoder has a column of squared length lambda_k - beta v for every k with beta < lambda_k / v, and no other (Tipping and
Bishop 1999 for beta = 1, with v beta in place of v else; Lucas et al. 2019; arXiv 2510.01621 for the condition).
"""

import math

import pytest
import torch
from torch import Tensor

from pyvae import losses

LAMBDAS = (4.0, 2.5, 1.5, 0.8)
VARIANCE = 0.5
CRITICAL = [value / VARIANCE for value in LAMBDAS]


def data() -> Tensor:
    """256 points in 6 dimensions whose covariance has the eigenvalues LAMBDAS exactly, and 0 else."""
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(256, 4, generator=generator, dtype=torch.float64)
    whitened, _ = torch.linalg.qr(raw - raw.mean(0))
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))
    return 16 * whitened @ torch.diag(torch.tensor(LAMBDAS).double().sqrt()) @ rotation[:4]


def trained(objective: losses.Objective, latents: int = 4) -> tuple[Tensor, losses.Terms]:
    """Squared lengths of the decoder's columns, largest first, and the terms at the optimum: encoder, decoder and log
    variances by full-batch L-BFGS, the likelihood's expectation over codes in closed form.
    """
    x, generator = data(), torch.Generator().manual_seed(1)
    encoder, decoder = (
        (0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()
        for shape in ((6, latents), (latents, 6))
    )
    logvar = torch.zeros(latents, dtype=torch.float64, requires_grad=True)
    parameters = [encoder, decoder, logvar]
    optimiser = torch.optim.LBFGS(
        parameters, max_iter=4000, tolerance_grad=1e-10, tolerance_change=1e-14,
        line_search_fn="strong_wolfe", history_size=30,
    )  # fmt: skip

    def terms() -> losses.Terms:
        mu, spread = x @ encoder, logvar.expand(256, latents)
        noise = (spread.exp() * decoder.square().sum(-1)).sum(-1) / (2 * VARIANCE)
        return objective(losses.gaussian_reconstruction(x, mu @ decoder, VARIANCE) + noise, mu, mu, spread)

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = terms().loss.mean()
        loss.backward()
        return loss

    if isinstance(objective, losses.ControlledCapacity):  # its optimum is a kink, where a line search gets stuck
        optimiser = torch.optim.Adam(parameters, lr=0.02)
        decay = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.997)
        for _ in range(3000):
            optimiser.step(closure)
            decay.step()
    else:
        optimiser.step(closure)
    return decoder.detach().square().sum(-1).sort(descending=True).values, terms()


@pytest.mark.parametrize("k", range(4))
def test_the_whole_spectrum_collapses_where_theory_says(k: int) -> None:
    """beta_k = lambda_k / v, to 2 %: just below it k + 1 latents live, just above it k."""
    for beta, alive in ((0.98 * CRITICAL[k], k + 1), (1.02 * CRITICAL[k], k)):
        columns, _ = trained(losses.BetaVAE(beta))
        expected = [max(0.0, value - beta * VARIANCE) for value in LAMBDAS]
        assert columns.tolist() == pytest.approx(expected, abs=2e-3)
        assert int((columns > 0.01 * LAMBDAS[k]).sum()) == alive


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0, 4.0, 10.0])
def test_the_objective_s_optimum(beta: float) -> None:
    """beta / 2 times the sum of log(lambda_k / beta v) + 1 over what lives, and of lambda_k / beta v over the rest."""
    _, terms = trained(losses.BetaVAE(beta))
    ratios = [value / (beta * VARIANCE) for value in LAMBDAS]
    best = 0.5 * beta * sum(math.log(ratio) + 1 if ratio > 1 else ratio for ratio in ratios)
    assert float(terms.loss.detach().mean()) == pytest.approx(best, abs=1e-6)
    nats = sum(0.5 * math.log(ratio) for ratio in ratios if ratio > 1)
    assert float(terms.kl.detach().mean()) == pytest.approx(nats, abs=1e-4)


def test_capacity_is_filled_largest_first() -> None:
    """A KL of C nats is spent where it is worth most: reverse water-filling, the beta-VAE whose KL is C."""
    beta = 2.0
    nats = sum(0.5 * math.log(value / (beta * VARIANCE)) for value in LAMBDAS if value > beta * VARIANCE)
    _, terms = trained(losses.ControlledCapacity(nats, gamma=4.0))
    best = sum(min(value, beta * VARIANCE) / (2 * VARIANCE) for value in LAMBDAS)
    assert float(terms.kl.detach().mean()) == pytest.approx(nats, rel=0.01)
    assert float(terms.reconstruction.detach().mean()) == pytest.approx(best, rel=0.02)
