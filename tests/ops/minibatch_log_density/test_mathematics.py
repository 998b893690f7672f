"""minibatch_log_density against mathematics: densities, identities between estimators, published values."""

import math

import pytest
import torch

import pyvae
from pyvae.ops import reference
from tests.ops.posteriors import ESTIMATORS, posteriors, size_for


def test_marginal_density_integrates_to_one() -> None:
    mu, logvar = torch.randn(50, 1, dtype=torch.float64), torch.randn(50, 1, dtype=torch.float64) - 1
    x = torch.linspace(-30, 30, 20001, dtype=torch.float64).unsqueeze(1)
    density = pyvae.minibatch_log_density(x, mu, logvar, estimator="full").marginals.exp()
    assert torch.trapezoid(density[:, 0], x[:, 0]).item() == pytest.approx(1, abs=1e-9)


def test_one_latent_joint_is_its_marginal() -> None:
    z, mu, logvar = posteriors((), 30, 1, torch.float64)
    density = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=90)
    torch.testing.assert_close(density.joint, density.marginals[:, 0])


def test_balanced_is_full_when_the_minibatch_is_the_data_set() -> None:
    z, mu, logvar = posteriors((), 30, 4, torch.float64)
    balanced = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=30, estimator="balanced")
    full = pyvae.minibatch_log_density(z, mu, logvar, estimator="full")
    torch.testing.assert_close(balanced.joint, full.joint)
    torch.testing.assert_close(balanced.marginals, full.marginals)


@pytest.mark.parametrize(("rows", "columns"), [(3, 65_536), (65_536, 1)])
def test_thousands_of_equal_terms_keep_their_digits(place: str, rows: int, columns: int) -> None:
    """Collapsed posteriors: all roundings of a sum go the same way."""
    sizes, values = (rows, columns, columns), (0.1, -0.1, -3.8)
    leaves = [torch.full((size, 1), value, requires_grad=True) for size, value in zip(sizes, values, strict=True)]
    density = pyvae.minibatch_log_density(*leaves, estimator="full", method="exact")
    z, mu, logvar = (t[0].detach().double().requires_grad_() for t in leaves)
    want = reference.log_normal(z, mu, logvar)
    for got in density:
        torch.testing.assert_close(got.double(), want.expand(got.shape), rtol=1e-6, atol=1e-6)
    got_grads = torch.autograd.grad(density.joint.sum() + density.marginals.sum(), leaves)
    for grad, of_pair in zip(got_grads, torch.autograd.grad(want, (z, mu, logvar)), strict=True):
        expected = 2 * rows / len(grad) * of_pair
        torch.testing.assert_close(grad.double(), expected.expand(grad.shape), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("estimator", ["mss", "balanced"])
def test_a_minibatch_of_one_gives_the_posterior(estimator: str) -> None:
    z, mu, logvar = posteriors((), 1, 4, torch.float64)
    density = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=100, estimator=estimator)
    torch.testing.assert_close(density.marginals, reference.log_normal(z, mu, logvar))


# numerics.md, section 2: total correlation in nats; posteriors N(mu_n, s^2 I), mu_n ~ N(0, I), N = 20 000, D = 10.
TRUTH_TABLE = [
    # s, full, mss at 64 and 2048, mws at 64 and 2048
    (0.1, 13.10, (15.1, 13.2), (107, 105)),
    (0.3, 2.82, (3.1, 2.7), (97, 94)),
    (0.5, 0.48, (-0.6, 0.15), (93, 90)),
]


@pytest.mark.parametrize(("s", "full", "mss", "mws"), TRUTH_TABLE)
def test_truth_table_of_the_estimators(
    s: float, full: float, mss: tuple[float, float], mws: tuple[float, float]
) -> None:
    n, d = 20_000, 10
    mu = torch.randn(n, d)
    logvar = torch.full((n, d), 2 * math.log(s))
    z = mu + s * torch.randn(n, d)
    query = pyvae.minibatch_log_density(z[:4096], mu, logvar, estimator="full")
    assert (query.joint - query.marginals.sum(-1)).mean().item() == pytest.approx(full, abs=0.25)
    for size, want_mss, want_mws in zip((64, 2048), mss, mws, strict=True):
        keep = n // size * size
        batches = [t[:keep].view(-1, size, d) for t in (z, mu, logvar)]
        for estimator, want, tolerance in (("mss", want_mss, 0.3), ("mws", want_mws, 1.0)):
            parts = pyvae.kl_decomposition(*batches, dataset_size=n, estimator=estimator)
            assert parts.total_correlation.mean().item() == pytest.approx(want, abs=tolerance)


def test_the_copied_matrix_is_nats_away() -> None:
    """The stride [::M' + 1] over a flattened B x B matrix, B = M' + 1, fills columns 0 and 1, not the diagonals."""
    n, d, size, s = 20_000, 10, 64, 0.3
    weights = torch.full((size, size), 1 / (size - 1))
    weights.view(-1)[::size] = 1 / n
    weights.view(-1)[1::size] = (n - size + 1) / (n * (size - 1))
    log_w = weights.log()
    mu = torch.randn(40, size, d)
    z = mu + s * torch.randn(40, size, d)
    logvar = torch.full_like(mu, 2 * math.log(s))
    pairs = reference.log_normal(z.unsqueeze(-2), mu.unsqueeze(-3), logvar.unsqueeze(-3))
    copied = torch.logsumexp(log_w + pairs.sum(-1), -1) - torch.logsumexp(log_w.unsqueeze(-1) + pairs, -2).sum(-1)
    assert copied.mean().item() == pytest.approx(7.8, abs=0.3)  # full data: 2.82
    right = pyvae.kl_decomposition(z, mu, logvar, dataset_size=n).total_correlation
    assert abs(right.mean().item() - 2.82) < 0.6


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_decomposition_telescopes_to_the_monte_carlo_kl(estimator: str) -> None:
    z, mu, logvar = posteriors((2,), 25, 6, torch.float64)
    parts = pyvae.kl_decomposition(z, mu, logvar, dataset_size=size_for(estimator, 25), estimator=estimator)
    zero = torch.zeros_like(z)
    want = (reference.log_normal(z, mu, logvar) - reference.log_normal(z, zero, zero)).sum(-1)
    torch.testing.assert_close(sum(parts), want)
