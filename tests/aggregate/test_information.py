"""Information, correlation and entropies against closed forms and themselves by another route."""

import math

import numpy as np
import pytest
import torch

import pyvae
from pyvae.aggregate import Estimate
from pyvae.aggregate.tables import members_by_value
from pyvae.ops import reference
from tests.aggregate.posteriors import N, assert_within, encoded


def test_the_parts_telescope() -> None:
    mu, logvar = encoded()
    posterior = pyvae.aggregate_posterior(mu, logvar, chunk=500)
    parts = posterior.kl_decomposition(400, seed=2)
    z, indices = (x if x.dtype == torch.int64 else x.double() for x in posterior.sample(400, seed=2))
    log_ratio = reference.log_normal(z, mu[indices].double(), logvar[indices].double()) - reference.log_normal(
        z, torch.zeros(()), torch.zeros(())
    )
    total = parts.mutual_information.value + parts.total_correlation.value + parts.dimwise_kl.value.sum()
    torch.testing.assert_close(total, log_ratio.sum(-1).mean(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(parts.dimwise_kl.value.sum(), parts.dimwise_kl_sum.value)


def test_parts_asked_for_one_by_one_are_the_same() -> None:
    posterior = pyvae.aggregate_posterior(*encoded(300))
    parts = posterior.kl_decomposition(50, seed=2)
    for name in ("mutual_information", "total_correlation", "dimwise_kl"):
        alone, together = getattr(posterior, name)(50, seed=2), getattr(parts, name)
        torch.testing.assert_close(alone.value, together.value)
        torch.testing.assert_close(alone.standard_error, together.standard_error)


def test_a_minibatch_of_everything_says_the_same() -> None:
    mu, logvar = encoded(2000)
    z = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
    minibatch = pyvae.kl_decomposition(z, mu, logvar, estimator="full")
    posterior = pyvae.aggregate_posterior(mu, logvar).kl_decomposition(20_000, seed=0)
    assert_within(posterior.mutual_information, minibatch.mutual_information.mean().item(), errors=6)
    assert_within(posterior.total_correlation, minibatch.total_correlation.mean().item(), errors=12)
    assert_within(posterior.dimwise_kl_sum, minibatch.dimwise_kl.mean().item(), errors=12)


@pytest.mark.parametrize(("spread", "total_correlation"), [(0.1, 13.10), (0.3, 2.82), (0.5, 0.48)])
def test_the_truth_table(spread: float, total_correlation: float) -> None:
    """The full-data column by another program in float64, on other mu_n ~ N(0, I); its standard error is up to 0.08."""
    mu = torch.randn(20_000, 10)
    posterior = pyvae.aggregate_posterior(mu, torch.full_like(mu, 2 * math.log(spread)))
    value, standard_error = posterior.kl_decomposition(2000, seed=0).total_correlation
    assert abs(value.item() - total_correlation) < 4 * math.hypot(standard_error.item(), 0.08)


def test_separated_posteriors_hold_the_log_of_their_number() -> None:
    mu = 100.0 * torch.arange(64.0)[:, None].expand(64, 3)
    posterior = pyvae.aggregate_posterior(mu, torch.zeros(64, 3))
    parts = posterior.kl_decomposition(100, seed=0)
    assert parts.mutual_information.value.item() == pytest.approx(math.log(64), abs=1e-4)
    assert parts.total_correlation.value.item() == pytest.approx(2 * math.log(64), abs=1e-4)


def test_equal_posteriors_hold_nothing() -> None:
    posterior = pyvae.aggregate_posterior(torch.zeros(100, 3), torch.zeros(100, 3))
    for estimate in posterior.kl_decomposition(100, seed=0):
        torch.testing.assert_close(estimate.value, torch.zeros_like(estimate.value), atol=2e-5, rtol=0)
    entropies = posterior.marginal_entropies(20_000, seed=0)
    assert_within(entropies, 0.5 * math.log(2 * math.pi * math.e))


def test_entropies_of_separated_values() -> None:
    """H(z) = H(z|v) + H(v) where values do not overlap, and H(z|v) is a Gaussian's."""
    values = torch.arange(900) % 3
    mu = 50.0 * values[:, None].float()
    posterior = pyvae.aggregate_posterior(mu.expand(900, 2), torch.full((900, 2), -1.0), chunk=200)
    gaussian = 0.5 * math.log(2 * math.pi * math.e) - 0.5
    assert_within(posterior.marginal_entropies(20_000, seed=0), gaussian + math.log(3))
    conditional = posterior.conditional_entropies(torch.stack([values, values * 0], 1), 20_000, seed=0)
    assert conditional.value.shape == conditional.standard_error.shape == (2, 2)
    assert_within(conditional, torch.tensor([gaussian, gaussian + math.log(3)])[:, None].expand(2, 2))


def test_conditional_entropies_are_weighed_by_frequency() -> None:
    labels = torch.cat([torch.full((90,), 7), torch.full((10,), -2)])
    logvar = torch.where(labels == 7, -6.0, 1.0)[:, None].expand(100, 2)
    posterior = pyvae.aggregate_posterior(torch.zeros(100, 2), logvar)
    expected = 0.5 * math.log(2 * math.pi * math.e) + 0.5 * (0.9 * -6 + 0.1 * 1)
    assert_within(posterior.conditional_entropies(labels, 10_000, seed=0), expected)


def test_conditional_entropies_are_those_of_each_values_own_posterior() -> None:
    mu, logvar = encoded()
    labels = torch.randint(0, 4, (N,))
    posterior = pyvae.aggregate_posterior(mu, logvar, chunk=150)
    strata = [pyvae.aggregate_posterior(mu[labels == v], logvar[labels == v]) for v in range(4)]
    expected = sum(
        (labels == v).double().mean() * stratum.marginal_entropies(20_000, seed=v).value
        for v, stratum in enumerate(strata)
    )
    assert_within(posterior.conditional_entropies(labels, 20_000, seed=9), expected, errors=6)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "uint64"])
def test_labels_of_any_whole_type(dtype: str) -> None:
    if dtype == "bool":
        labels = np.array([True, False, True, True])
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        labels = np.array([high, low, high, low + 1], dtype)
    (values,) = members_by_value(labels, 4)
    expected = [[1], [0, 2, 3]] if dtype == "bool" else [[1], [3], [0, 2]]
    assert [members.tolist() for members in values] == expected


def test_standard_errors_are_honest() -> None:
    """About 95 of 100 estimates lie within 1.96 standard errors of the truth; of 200, 178 at least but once in 10^4."""
    mu, logvar = encoded(60, 3)
    posterior = pyvae.aggregate_posterior(mu, logvar)
    labels = torch.arange(60) % 3
    runs = 200

    def parts(samples: int, seed: int) -> list[Estimate]:
        return [
            *posterior.kl_decomposition(samples, seed=seed),
            posterior.marginal_entropies(samples, seed=seed + 1000),
            posterior.conditional_entropies(labels, samples, seed=seed + 2000),
        ]

    truth = parts(400_000, 10_000)
    tries = [parts(300, seed) for seed in range(runs)]
    for k, exact in enumerate(truth):
        inside = torch.stack(
            [((t[k].value - exact.value).abs() < 1.96 * t[k].standard_error).double() for t in tries]
        ).mean(0)
        assert (inside > 0.89).all() and (inside < 0.995).all(), (k, inside)


def test_densities_given_factors_are_those_of_the_points_that_share_the_value() -> None:
    mu, logvar = encoded(300)
    labels = torch.stack([torch.arange(300) % 3, torch.arange(300) // 150], 1)
    posterior = pyvae.aggregate_posterior(mu, logvar)
    samples = posterior.sample(40, seed=0)
    found = posterior.log_density_given(samples, labels)
    assert found.shape == (40, 2, mu.shape[1])
    for s, n in enumerate(samples.indices[:5].tolist()):
        for k in range(2):
            mine = labels[:, k] == labels[n, k]
            alone = pyvae.aggregate_posterior(mu[mine], logvar[mine]).marginal_log_density(samples.z[s])
            torch.testing.assert_close(found[s, k].float(), alone, atol=3e-5, rtol=1e-6)


def test_densities_given_factors_of_some_latents_are_the_same() -> None:
    posterior = pyvae.aggregate_posterior(*encoded(300))
    samples, labels = posterior.sample(40, seed=0), torch.arange(300) % 3
    wanted = torch.arange(posterior.latents)[None] == 1
    found = posterior.log_density_given(samples, labels, wanted)
    torch.testing.assert_close(found[..., 1], posterior.log_density_given(samples, labels)[..., 1])
    assert not found[..., 0].any()
